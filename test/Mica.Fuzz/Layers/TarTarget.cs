using System.Security.Cryptography;
using System.Text;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Fuzz.Layers;

/// <summary>
/// <see cref="TarReader"/> to the end. Entries are within the bounds that <see cref="TarEntry"/> states, do not depend on how the
/// archive is cut into pieces, and what was read can be written and read again.
/// </summary>
internal sealed class TarTarget : FuzzTarget
{
    public override string Description => "TarReader: ustar, pax, GNU and star archives";

    public override IReadOnlyList<byte[]> Seeds => TarBytes.Corpus;

    public override IReadOnlyList<byte[]> Words => TarBytes.Words;

    public override byte[]? Generate(Mutator mutator, Random random) =>
        random.Next(4) > 0 ? null : TarBytes.WithChecksums(mutator.Mutate(TarBytes.Generate(random), random), random);

    public override byte[] Repair(byte[] input, Random random) => TarBytes.WithChecksums(input, random);

    public override void Run(byte[] input)
    {
        using var rewritten = new MemoryStream();
        string whole = Read(new TarReader(new MemoryStream(input)), rewritten);
        string pieces = Read(new TarReader(Pieces(input, 1 + (input.Length % 1500))), copy: null);
        FuzzFailure.Unless(whole == pieces, $"an archive in pieces reads differently:\n{whole}\n---\n{pieces}");

        string again = Read(new TarReader(new MemoryStream(rewritten.ToArray())), copy: null);
        string expected = string.Concat(whole.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line.StartsWith("entry ", StringComparison.Ordinal)).Select(line => line + "\n"));
        FuzzFailure.Unless(again == expected, $"what was read and written reads differently:\n{expected}\n---\n{again}");
    }

    /// <summary>One line per entry, and one for the end if it is not a good one. Sparse files are not copied.</summary>
    private static string Read(TarReader reader, MemoryStream? copy)
    {
        var lines = new StringBuilder();
        var writer = new TarWriter(copy ?? Stream.Null);
        FuzzCase.Accepts(() =>
        {
            try
            {
                while (reader.ReadNext() is { } entry)
                {
                    Check(entry);
                    byte[] content = Content(reader, entry);
                    lines.Append(entry.Segments is null ? "entry " : "sparse ").Append(Line(entry, content)).Append('\n');
                    if (entry.Segments is null && copy is not null)
                    {
                        Write(writer, entry, content);
                    }
                }
            }
            catch (MicaException refusal)
            {
                lines.Append("refused ").Append(refusal.Message).Append('\n');
                throw;
            }
        });
        writer.Finish();
        return lines.ToString();
    }

    private static void Write(TarWriter writer, TarEntry entry, byte[] content)
    {
        try
        {
            writer.Write(entry, content);
        }
        catch (MicaException refusal)
        {
            throw new FuzzFailure($"what was read cannot be written: {refusal.Message}");
        }
    }

    /// <summary>What is in the archive of the file; the holes of a sparse one are left out.</summary>
    private static byte[] Content(TarReader reader, TarEntry entry)
    {
        using var content = new MemoryStream();
        long end = 0;
        while (reader.TryReadContent(out ReadOnlySpan<byte> piece, out long offset))
        {
            FuzzFailure.Unless(!piece.IsEmpty && offset >= end && offset + piece.Length <= entry.Size, "content overlaps or is outside of the file");
            FuzzFailure.Unless(entry.Segments is not null || offset == end, "content of a file that is not sparse has a hole");
            end = offset + piece.Length;
            content.Write(piece);
        }

        FuzzFailure.Unless(entry.Segments is not null || end == entry.Size, "content ends early");
        return content.ToArray();
    }

    private static void Check(TarEntry entry)
    {
        Check(entry.Path, "path");
        bool link = entry.Kind is TarEntryKind.HardLink or TarEntryKind.SymbolicLink;
        FuzzFailure.Unless(link != entry.LinkTarget.IsEmpty, "only links have a target");
        if (link)
        {
            Check(entry.LinkTarget, "link target");
        }

        FuzzFailure.Unless(entry.Mode is >= 0 and <= 0xfff, $"mode {entry.Mode}");
        FuzzFailure.Unless(entry.Uid <= TarEntry.MaxId && entry.Gid <= TarEntry.MaxId, "owner");
        FuzzFailure.Unless(entry.Size >= 0 && (entry.Size == 0 || entry.Kind == TarEntryKind.File), $"size {entry.Size}");
        FuzzFailure.Unless(entry.DeviceMajor is >= 0 and <= 0xfff && entry.DeviceMinor is >= 0 and <= 0xfffff, "device");
        FuzzFailure.Unless(entry.ModificationTime.Nanoseconds is >= 0 and < 1_000_000_000, "nanoseconds");
        FuzzFailure.Unless(entry.Xattrs.Select(xattr => xattr.Name).Distinct().Count() == entry.Xattrs.Count, "an attribute twice");
        long end = 0;
        foreach (SparseSegment segment in entry.Segments ?? [])
        {
            FuzzFailure.Unless(segment.Offset >= end && segment.Length >= 0 && segment.Length <= entry.Size - segment.Offset, "segments");
            end = segment.Offset + segment.Length;
        }
    }

    private static void Check(LinuxPath path, string what) => FuzzFailure.Unless(
        path.Length is > 0 and <= TarReader.MaxPathLength && !path.Bytes.Contains((byte)0), $"{what} of {path.Length} bytes");

    /// <summary>Attributes by their names, in which order they are written.</summary>
    private static string Line(TarEntry entry, byte[] content) => string.Join(' ',
        entry.Kind, Convert.ToHexString(entry.Path.Bytes), Convert.ToHexString(entry.LinkTarget.Bytes), entry.Mode, entry.Uid, entry.Gid,
        entry.Size, entry.ModificationTime, entry.AccessTime, entry.ChangeTime, entry.DeviceMajor, entry.DeviceMinor,
        string.Join(',', entry.Xattrs.OrderBy(xattr => xattr.Name, StringComparer.Ordinal).Select(xattr => $"{Convert.ToHexString(Encoding.UTF8.GetBytes(xattr.Name))}={Convert.ToHexString(xattr.Value)}")),
        string.Join(',', entry.Segments ?? []), Convert.ToHexString(SHA256.HashData(content)));

    /// <summary>Pieces that are overwritten as soon as the reader has to be done with them.</summary>
    private static Func<ReadOnlyMemory<byte>> Pieces(byte[] input, int size)
    {
        int at = 0;
        byte[] last = [];
        return () =>
        {
            last.AsSpan().Fill(0xee);
            last = input[at..Math.Min(input.Length, at + size)];
            at += last.Length;
            return last;
        };
    }
}
