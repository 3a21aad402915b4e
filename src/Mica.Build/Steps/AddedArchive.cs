using Mica.Dockerfile;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Build;

/// <summary>A tar that ADD unpacks into a layer.</summary>
internal static class AddedArchive
{
    /// <summary>False when the file is no archive: it is copied then as any other.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: the archive is damaged.</exception>
    public static bool TryUnpack(Stream file, LayerArchive layer, LinuxPath target, (uint Uid, uint Gid)? owner, CancellationToken cancellationToken)
    {
        byte[] head = new byte[6];
        int count = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        file.Position = 0;
        using OtherDecompressor? other = OtherDecompressor.TryOpen(head.AsSpan(0, count), file);
        using Stream tar = other?.Output ?? LayerDecompressor.Open(new BufferedStream(new BorrowedStream(file), 256 << 10), out _);
        PeekedStream whole;
        try
        {
            whole = new PeekedStream(tar, TarReader.HeadSize);
        }
        catch (Exception failure) when (failure is InvalidDataException or MicaException)
        {
            return false;
        }

        if (!TarReader.IsArchive(whole.Head))
        {
            return false;
        }

        var reader = new TarReader(whole);
        while (reader.ReadNext() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Write(reader, entry, layer, target, owner);
        }

        return true;
    }

    private static void Write(TarReader reader, TarEntry entry, LayerArchive layer, LinuxPath target, (uint Uid, uint Gid)? owner)
    {
        LinuxPath place = target.Append(Clean(entry.Path));
        if (place.IsEmpty)
        {
            return;
        }

        TarEntry moved = entry with
        {
            Path = place,
            LinkTarget = entry.Kind == TarEntryKind.HardLink ? target.Append(Clean(entry.LinkTarget)) : entry.LinkTarget,
            Uid = owner?.Uid ?? entry.Uid,
            Gid = owner?.Gid ?? entry.Gid,
            Segments = null,
        };
        if (entry.Kind == TarEntryKind.Directory)
        {
            layer.NewDirectory(moved, place);
            return;
        }

        layer.Parents(place);
        layer.Archive.Write(moved);
        if (entry.Kind != TarEntryKind.File)
        {
            return;
        }

        long written = 0;
        while (reader.TryReadContent(out ReadOnlySpan<byte> piece, out long offset))
        {
            Fill(layer.Archive, offset - written);
            layer.Archive.WriteContent(piece);
            written = offset + piece.Length;
        }

        Fill(layer.Archive, entry.Size - written);
    }

    /// <summary>Holes of sparse files are zeros in the layer.</summary>
    private static void Fill(TarWriter archive, long zeros)
    {
        Span<byte> block = stackalloc byte[4096];
        block.Clear();
        for (; zeros > 0; zeros -= Math.Min(zeros, block.Length))
        {
            archive.WriteContent(block[..(int)Math.Min(zeros, block.Length)]);
        }
    }

    /// <summary>Relative, and nowhere above where it begins.</summary>
    private static byte[] Clean(LinuxPath path) => System.Text.Encoding.Latin1.GetBytes(
        GlobPath.Clean("/" + System.Text.Encoding.Latin1.GetString(path.Bytes))[1..]);
}
