using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// Writes a tar archive whose bytes depend on nothing but the entries: ustar where an entry fits, with a pax header in front where
/// it does not (long or non-ASCII names, big numbers, times before 1970 or with a fraction, extended attributes). The caller
/// writes a file's content right after its entry, and calls <see cref="Finish"/> at the end. Not thread-safe.
/// POSIX.1-2001 pax; extended attributes as star and GNU tar write them (<c>SCHILY.xattr.*</c>).
/// </summary>
public sealed class TarWriter(Stream target)
{
    private const int CopyBufferSize = 128 << 10;

    private static readonly byte[] s_zeros = new byte[2 * TarInput.BlockSize];

    /// <summary>No entry is newer: later times are set back to this one; null leaves them as they are.</summary>
    public UnixTime? Latest { get; init; }

    private byte[]? _copyBuffer;
    private long _left;
    private int _padding;

    /// <summary>
    /// Writes the entry's headers. A file's <see cref="TarEntry.Size"/> bytes of content must follow. A sparse file is written
    /// whole: <see cref="TarEntry.Segments"/> has no effect.
    /// </summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.InvalidArgument"/>: tar cannot hold the entry, or the content before it is not complete.
    /// </exception>
    public void Write(TarEntry entry)
    {
        EndContent();
        if (Latest is { } latest && Compare(entry.ModificationTime, latest) > 0)
        {
            entry = entry with { ModificationTime = latest };
        }

        target.Write(TarFormat.Headers(entry));
        _left = entry.Size;
        _padding = (int)(-entry.Size & (TarInput.BlockSize - 1));
    }

    /// <summary>Writes a file with all its content.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: as above, or the content has another size.</exception>
    public void Write(TarEntry entry, ReadOnlySpan<byte> content)
    {
        Write(entry);
        WriteContent(content);
        EndContent();
    }

    /// <summary>Writes a file with the content of a stream, which is read up to its end and stays open.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: as above, or the content has another size.</exception>
    public void Write(TarEntry entry, Stream content)
    {
        Write(entry);
        _copyBuffer ??= new byte[CopyBufferSize];
        for (int count; (count = content.Read(_copyBuffer)) > 0;)
        {
            WriteContent(_copyBuffer.AsSpan(0, count));
        }

        EndContent();
    }

    /// <summary>Writes a part of the content of the entry written last.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: more than its size.</exception>
    public void WriteContent(ReadOnlySpan<byte> content)
    {
        if (content.Length > _left)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "tar: a file has more content than its size says");
        }

        target.Write(content);
        _left -= content.Length;
    }

    /// <summary>Ends the archive with two zero blocks. The stream stays open.</summary>
    public void Finish()
    {
        EndContent();
        target.Write(s_zeros);
        target.Flush();
    }

    private static int Compare(UnixTime left, UnixTime right) =>
        left.Seconds != right.Seconds ? left.Seconds.CompareTo(right.Seconds) : left.Nanoseconds.CompareTo(right.Nanoseconds);

    private void EndContent()
    {
        if (_left > 0)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"tar: a file lacks {_left} bytes of its content");
        }

        target.Write(s_zeros.AsSpan(0, _padding));
        _padding = 0;
    }
}
