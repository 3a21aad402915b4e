using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// Reads an uncompressed tar archive, entry by entry, in one pass: v7, ustar, pax (local and global headers), GNU (long names,
/// base-256 numbers, all four forms of sparse files) and star. An archive ends with zero blocks or, as some writers leave it,
/// right after an entry; an end anywhere else, and anything malformed, is a <see cref="MicaException"/> of kind
/// <see cref="ErrorKind.ContentMismatch"/>. Entries of unknown types are left out. Memory and time are bounded by the bytes read.
/// Not thread-safe. See tar(5), POSIX.1-2001 pax.
/// </summary>
public sealed class TarReader
{
    /// <summary>The longest path or link target.</summary>
    public const int MaxPathLength = 4096;

    private const int DefaultBufferSize = 256 << 10;
    private const long MaxStoredSize = long.MaxValue >> 2;

    private readonly TarInput _input;
    private readonly TarExtensions _extensions;
    private LinuxPath _path;
    private bool _ended;

    /// <summary>Content of the current entry that is still in the archive, and the zeros after it.</summary>
    private long _stored;
    private long _padding;
    private long _offset;
    private IReadOnlyList<SparseSegment>? _segments;
    private int _segment;

    /// <summary>Bytes at an archive's beginning that <see cref="IsArchive"/> looks at.</summary>
    public const int HeadSize = TarInput.BlockSize;

    /// <summary>Whether an archive that is not empty begins with these bytes: a whole header with the right checksum.</summary>
    public static bool IsArchive(ReadOnlySpan<byte> head) =>
        head.Length >= HeadSize && head[0] != 0 && new TarHeader(head[..HeadSize]).ChecksumMatches();

    /// <summary>Reads <paramref name="archive"/> by a buffer of its own, and ahead of what it returns. The caller disposes the stream.</summary>
    public TarReader(Stream archive)
        : this(new TarInput(archive, DefaultBufferSize))
    {
    }

    /// <summary>
    /// Reads chunks of the archive without copying them. A call of <paramref name="nextChunk"/> gives the one before back; an
    /// empty one ends the archive. Chunks whose length is a multiple of 512 serve best.
    /// </summary>
    public TarReader(Func<ReadOnlyMemory<byte>> nextChunk)
        : this(new TarInput(nextChunk))
    {
    }

    private TarReader(TarInput input)
    {
        _input = input;
        _extensions = new TarExtensions(input);
    }

    /// <summary>Bytes of the archive taken so far. After <see cref="ReadNext"/>: where the content of the entry begins.</summary>
    public long Position => _input.Position;

    /// <summary>Skips what is left of the current entry's content and reads the next entry; null at the end of the archive.</summary>
    public TarEntry? ReadNext()
    {
        if (_ended)
        {
            return null;
        }

        SkipContent();
        _extensions.Forget();
        _path = default;
        try
        {
            return ReadEntry();
        }
        catch (MicaException error) when (!_path.IsEmpty && !_input.IsFailed)
        {
            throw new MicaException(error.Kind, $"{error.Message} (entry {_path})", error);
        }
    }

    /// <summary>
    /// The next piece of the current file's content, straight from the buffer, and where in the file it belongs: holes of a
    /// sparse file are left out. False at the end. The piece is valid until the next call of any method.
    /// </summary>
    public bool TryReadContent(out ReadOnlySpan<byte> piece, out long offset)
    {
        if (_stored == 0)
        {
            piece = [];
            offset = _offset;
            return false;
        }

        long max = _stored;
        if (_segments is not null)
        {
            SparseSegment segment = _segments[_segment];
            if (_offset >= segment.Offset + segment.Length)
            {
                segment = _segments[++_segment];
            }

            _offset = Math.Max(_offset, segment.Offset);
            max = segment.Offset + segment.Length - _offset;
        }

        piece = Content(max);
        offset = _offset;
        _input.Advance(piece.Length);
        _offset += piece.Length;
        _stored -= piece.Length;
        return true;
    }

    private ReadOnlySpan<byte> Content(long max)
    {
        ReadOnlySpan<byte> piece = _input.Peek(max);
        return piece.IsEmpty
            ? throw new MicaException(ErrorKind.ContentMismatch, $"tar: the archive is truncated in the content of {_path}")
            : piece;
    }

    private void SkipContent()
    {
        long rest = _stored + _padding;
        _stored = _padding = 0;
        _segments = null;
        _input.Skip(rest);
    }

    private TarEntry? ReadEntry()
    {
        while (_input.TryReadBlock(out ReadOnlySpan<byte> block))
        {
            var header = new TarHeader(block);
            if (header.IsZero)
            {
                return ReadEnd();
            }

            if (!header.ChecksumMatches())
            {
                throw new MicaException(ErrorKind.ContentMismatch,
                    $"tar: the header at byte {_input.Position - TarInput.BlockSize} has a wrong checksum");
            }

            if (!_extensions.TryRead(header) && Read(header) is { } entry)
            {
                return entry;
            }
        }

        return End();
    }

    private TarEntry? ReadEnd() => !_input.TryReadBlock(out ReadOnlySpan<byte> block) || new TarHeader(block).IsZero
        ? End()
        : throw new MicaException(ErrorKind.ContentMismatch, $"tar: entries follow a lone zero block, at byte {_input.Position - TarInput.BlockSize}");

    private TarEntry? End()
    {
        _ended = true;
        return _extensions.Any
            ? throw new MicaException(ErrorKind.ContentMismatch, "tar: the archive ends after an extended header, before its entry")
            : null;
    }

    /// <summary>Null for a type that is not known, whose content the next step skips.</summary>
    private TarEntry? Read(TarHeader header)
    {
        _path = _extensions.Path ?? HeaderPath(header);
        TarEntryKind? kind = Kind(header.Type, _path);
        long stored = kind is null or TarEntryKind.File || header.Type is (byte)'0' or 0 or (byte)'7' ? StoredSize(header) : 0;
        TarEntry? entry = null;
        if (kind is { } known)
        {
            entry = Entry(header, known, ref stored);
        }

        _stored = stored;
        _padding = -stored & (TarInput.BlockSize - 1);
        if (entry is null)
        {
            SkipContent();
            _extensions.Forget();
            _path = default;
        }
        else if (entry.Kind != TarEntryKind.File)
        {
            _padding += _stored;
            _stored = 0;
        }

        return entry;
    }

    private TarEntry Entry(TarHeader header, TarEntryKind kind, ref long stored)
    {
        PaxAttributes pax = _extensions.Pax;
        bool device = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice;
        bool link = kind is TarEntryKind.HardLink or TarEntryKind.SymbolicLink;
        var entry = new TarEntry
        {
            Kind = kind,
            Path = _path,
            LinkTarget = link ? _extensions.LinkTarget ?? new LinuxPath(header.LinkName) : default,
            Mode = (int)(TarHeader.Number(header.Mode, "mode") & 0xfff),
            Uid = pax.Uid ?? (uint)InRange(header.Uid, TarEntry.MaxId, "uid"),
            Gid = pax.Gid ?? (uint)InRange(header.Gid, TarEntry.MaxId, "gid"),
            Size = kind == TarEntryKind.File ? stored : 0,
            ModificationTime = pax.ModificationTime ?? new UnixTime(TarHeader.Number(header.ModificationTime, "mtime"), 0),
            AccessTime = pax.AccessTime ?? OptionalTime(header.AccessTime, "atime"),
            ChangeTime = pax.ChangeTime ?? OptionalTime(header.ChangeTime, "ctime"),
            DeviceMajor = device ? (int)InRange(header.DeviceMajor, 0xfff, "device major number") : 0,
            DeviceMinor = device ? (int)InRange(header.DeviceMinor, 0xfffff, "device minor number") : 0,
            Xattrs = pax.Xattrs is { } xattrs ? [.. xattrs] : [],
        };
        if (kind == TarEntryKind.File)
        {
            entry = WithSegments(entry, header, ref stored);
        }

        CheckPath(entry.Path, "path");
        if (link)
        {
            CheckPath(entry.LinkTarget, "link target");
        }

        return entry;
    }

    private TarEntry WithSegments(TarEntry entry, TarHeader header, ref long stored)
    {
        _offset = 0;
        _segment = 0;
        PaxSparse? sparse = _extensions.Pax.Sparse;
        if (header.Type == 'S')
        {
            long size = TarHeader.Number(header.SparseRealSize, "sparse size");
            entry = entry with { Size = size, Segments = SparseMap.Check(ReadOldSparseMap(header), size, stored) };
        }
        else if (sparse is not null && (sparse.MapIsInContent || sparse.Segments is not null))
        {
            sparse.CheckVersion();
            List<SparseSegment> segments = sparse.MapIsInContent ? SparseMap.ReadFromContent(_input, ref stored) : sparse.Segments!;
            long size = sparse.RealSize ?? throw SparseMap.Malformed();
            _path = sparse.Name ?? _path;
            entry = entry with { Path = _path, Size = size, Segments = SparseMap.Check(segments, size, stored) };
        }

        _segments = entry.Segments;
        return entry;
    }

    private List<SparseSegment> ReadOldSparseMap(TarHeader header)
    {
        var segments = new List<SparseSegment>();
        bool goesOn = SparseMap.AddSlots(segments, header.SparseMap) & header.SparseMapGoesOn;
        while (goesOn)
        {
            if (!_input.TryReadBlock(out ReadOnlySpan<byte> block))
            {
                throw new MicaException(ErrorKind.ContentMismatch, "tar: the archive is truncated in the map of a sparse file");
            }

            SparseMap.AddSlots(segments, block[..(TarHeader.ExtensionSparseSlots * 24)]);
            goesOn = block[504] != 0;
        }

        return segments;
    }

    private long StoredSize(TarHeader header)
    {
        long size = _extensions.Pax.Size ?? TarHeader.Number(header.Size, "size");
        return size is >= 0 and <= MaxStoredSize
            ? size
            : throw new MicaException(ErrorKind.ContentMismatch, $"tar: the size {size} is out of range");
    }

    private static LinuxPath HeaderPath(TarHeader header) =>
        header.Prefix is { IsEmpty: false } prefix ? new LinuxPath([.. prefix, (byte)'/', .. header.Name]) : new LinuxPath(header.Name);

    /// <summary>Before POSIX a directory was a file whose name ends with a slash, and some writers kept to it.</summary>
    private static TarEntryKind? Kind(byte type, LinuxPath path) => type switch
    {
        (byte)'0' or 0 or (byte)'7' => path.Bytes.EndsWith("/"u8) ? TarEntryKind.Directory : TarEntryKind.File,
        (byte)'1' => TarEntryKind.HardLink,
        (byte)'2' => TarEntryKind.SymbolicLink,
        (byte)'3' => TarEntryKind.CharacterDevice,
        (byte)'4' => TarEntryKind.BlockDevice,
        (byte)'5' => TarEntryKind.Directory,
        (byte)'6' => TarEntryKind.Fifo,
        (byte)'S' => TarEntryKind.File,
        _ => null,
    };

    private static void CheckPath(LinuxPath path, string what)
    {
        if (path.IsEmpty || path.Length > MaxPathLength)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                path.IsEmpty ? $"tar: an entry has an empty {what}" : $"tar: a {what} has {path.Length} bytes; at most {MaxPathLength} are possible");
        }
    }

    private static long InRange(ReadOnlySpan<byte> field, long max, string what)
    {
        long number = TarHeader.Number(field, what);
        return number >= 0 && number <= max
            ? number
            : throw new MicaException(ErrorKind.ContentMismatch, $"tar: the {what} {number} is out of range");
    }

    private static UnixTime? OptionalTime(ReadOnlySpan<byte> field, string what) =>
        field.IsEmpty || !field.ContainsAnyExcept((byte)0) ? null : new UnixTime(TarHeader.Number(field, what), 0);
}
