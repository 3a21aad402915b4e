using System.Globalization;
using System.Text;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Tests.Layers;

/// <summary>Archives read back whole, and as one line for each entry.</summary>
internal static class TarReading
{
    /// <summary>Every entry with its content, holes as zeros.</summary>
    public static List<(TarEntry Entry, byte[] Content)> ReadAll(byte[] archive, int chunk = 0)
    {
        TarReader reader = chunk == 0 ? new TarReader(new MemoryStream(archive)) : new TarReader(Chunks(archive, chunk));
        var all = new List<(TarEntry, byte[])>();
        while (reader.ReadNext() is { } entry)
        {
            using var content = new MemoryStream();
            while (reader.TryReadContent(out ReadOnlySpan<byte> piece, out long offset))
            {
                Assert.False(piece.IsEmpty);
                Assert.True(offset >= content.Length);
                content.Position = offset;
                content.Write(piece);
            }

            content.SetLength(entry.Size);
            all.Add((entry, content.ToArray()));
        }

        return all;
    }

    public static TarEntry ReadOne(params ReadOnlySpan<Tar.Member> members) => Assert.Single(ReadAll(Tar.Of(members))).Entry;

    /// <summary>The error that reading gives, which is the same in chunks of any size.</summary>
    public static MicaException Fails(byte[] archive)
    {
        MicaException error = Assert.Throws<MicaException>(() => ReadAll(archive));
        Assert.StartsWith("tar: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message, Assert.Throws<MicaException>(() => ReadAll(archive, chunk: 100)).Message);
        return error;
    }

    public static MicaException Fails(params ReadOnlySpan<Tar.Member> members) => Fails(Tar.Of(members));

    /// <summary>Pieces that are wiped when the next one is asked for.</summary>
    public static Func<ReadOnlyMemory<byte>> Chunks(byte[] archive, int size)
    {
        int position = 0;
        byte[] last = [];
        return () =>
        {
            last.AsSpan().Fill(0xee);
            last = archive[position..Math.Min(position + size, archive.Length)];
            position += last.Length;
            return last;
        };
    }

    /// <summary>Kind, mode, owner, size, time, name, target, device, attributes, segments: what there is of them.</summary>
    public static string Line(TarEntry entry, byte[] content)
    {
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"{Letter(entry.Kind)} {Convert.ToString(entry.Mode, 8)} {entry.Uid}:{entry.Gid}");
        line.Append(CultureInfo.InvariantCulture, $" {Time(entry.ModificationTime)} {entry.Path}");
        line.Append(entry.LinkTarget.IsEmpty ? "" : $" -> {entry.LinkTarget}");
        line.Append(entry.DeviceMajor == 0 && entry.DeviceMinor == 0 ? "" : $" {entry.DeviceMajor},{entry.DeviceMinor}");
        line.Append(entry.Kind == TarEntryKind.File ? $" {entry.Size} {(content.Length < 40 ? Encoding.UTF8.GetString(content).TrimEnd() : Digest.Of(content).Short)}" : "");
        foreach (Xattr xattr in entry.Xattrs.OrderBy(xattr => xattr.Name, StringComparer.Ordinal))
        {
            line.Append(CultureInfo.InvariantCulture, $" {xattr.Name}={Convert.ToHexStringLower(xattr.Value)}");
        }

        return line.ToString();
    }

    private static char Letter(TarEntryKind kind) => kind switch
    {
        TarEntryKind.File => '-',
        TarEntryKind.HardLink => 'h',
        TarEntryKind.SymbolicLink => 'l',
        TarEntryKind.CharacterDevice => 'c',
        TarEntryKind.BlockDevice => 'b',
        TarEntryKind.Directory => 'd',
        _ => 'p',
    };

    private static string Time(UnixTime time) => time.Nanoseconds == 0 ? $"{time.Seconds}" : $"{time.Seconds}+{time.Nanoseconds}ns";
}
