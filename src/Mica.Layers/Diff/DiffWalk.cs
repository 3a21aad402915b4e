using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Layers;

/// <summary>One walk through an upper directory.</summary>
internal sealed class DiffWalk(TarWriter archive, LayerDiffOptions options, CancellationToken cancellationToken)
{
    private const int BufferSize = 256 << 10;

    private readonly OverlayAttributes _attributes = new(options.WhiteoutForm);
    private readonly Dictionary<FileIdentity, LinuxPath> _links = [];
    private readonly List<string> _notices = [];
    private readonly byte[] _buffer = new byte[BufferSize];

    /// <summary>Directories on the way to what is being looked at whose entries are not written yet, the outermost first.</summary>
    private readonly List<TarEntry> _waiting = [];
    private long _entries;
    private long _contentBytes;

    public LayerDiff Result => new(_entries, _contentBytes, [.. _notices]);

    public void Root(DirectoryHandle upper)
    {
        FileStatus status = upper.GetStatus();
        IReadOnlyList<Xattr> xattrs = _attributes.Take(upper, "."u8, out bool isOpaque);
        Enter(upper, Entry(TarEntryKind.Directory, new LinuxPath("./"), status, xattrs), default, status, isOpaque);
    }

    /// <summary>A directory: its entry comes first, if it comes at all, which its content may decide.</summary>
    private void Enter(DirectoryHandle directory, TarEntry entry, LinuxPath path, FileStatus status, bool isOpaque)
    {
        int depth = _waiting.Count;
        _waiting.Add(entry);
        if (isOpaque || IsChanged(path, status))
        {
            Flush();
        }

        if (isOpaque)
        {
            WriteMark(Join(path, ".wh..wh..opq"u8), status);
        }

        foreach (byte[] name in Names(directory))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Look(directory, name, Join(path, name));
        }

        if (_waiting.Count > depth)
        {
            _waiting.RemoveRange(depth, _waiting.Count - depth);
        }
    }

    private void Look(DirectoryHandle parent, byte[] name, LinuxPath path)
    {
        FileStatus status = parent.GetStatus(name);
        if (status.IsWhiteout)
        {
            WriteMark(Sibling(path, name), status);
            return;
        }

        if (name.AsSpan().StartsWith(".wh."u8))
        {
            _notices.Add($"{path}: a layer cannot hold a file of this name: it would mean that another one is deleted");
            return;
        }

        if (status.Kind is not (FileKind.File or FileKind.Directory or FileKind.SymbolicLink or FileKind.Fifo
            or FileKind.CharacterDevice or FileKind.BlockDevice))
        {
            // A socket: nothing listens on it any more.
            return;
        }

        status = Limit(parent, name, status);
        IReadOnlyList<Xattr> xattrs = _attributes.Take(parent, name, out bool isOpaque);
        if (status.Kind == FileKind.Directory)
        {
            using DirectoryHandle directory = parent.OpenDirectory(name);
            Enter(directory, Entry(TarEntryKind.Directory, Join(path, []), status, xattrs), path, status, isOpaque);
            return;
        }

        Flush();
        if (status.LinkCount > 1 && !_links.TryAdd(status.Identity, path))
        {
            Write(Entry(TarEntryKind.HardLink, path, status, []) with { LinkTarget = _links[status.Identity], Size = 0 });
            return;
        }

        switch (status.Kind)
        {
            case FileKind.File:
                WriteFile(parent, name, Entry(TarEntryKind.File, path, status, xattrs));
                break;
            case FileKind.SymbolicLink:
                Write(Entry(TarEntryKind.SymbolicLink, path, status, xattrs) with { LinkTarget = new LinuxPath(parent.ReadSymbolicLink(name)) });
                break;
            case FileKind.Fifo:
                Write(Entry(TarEntryKind.Fifo, path, status, xattrs));
                break;
            default:
                TarEntryKind kind = status.Kind == FileKind.BlockDevice ? TarEntryKind.BlockDevice : TarEntryKind.CharacterDevice;
                Write(Entry(kind, path, status, xattrs) with { DeviceMajor = (int)status.NodeMajor, DeviceMinor = (int)status.NodeMinor });
                break;
        }
    }

    private void WriteFile(DirectoryHandle parent, byte[] name, TarEntry entry)
    {
        Write(entry);
        _contentBytes += entry.Size;
        using SafeFileHandle file = parent.OpenFile(name);
        for (long position = 0; position < entry.Size;)
        {
            int count = RandomAccess.Read(file, _buffer.AsSpan(0, (int)Math.Min(BufferSize, entry.Size - position)), position);
            if (count == 0)
            {
                throw new IOException($"{entry.Path}: became shorter while it was read");
            }

            archive.WriteContent(_buffer.AsSpan(0, count));
            position += count;
        }
    }

    /// <summary>A whiteout or an opaque marker: an empty file.</summary>
    private void WriteMark(LinuxPath path, FileStatus status)
    {
        Flush();
        Write(new TarEntry { Kind = TarEntryKind.File, Path = path, ModificationTime = Time(status.Modified) });
    }

    private void Flush()
    {
        foreach (TarEntry directory in _waiting)
        {
            Write(directory);
        }

        _waiting.Clear();
    }

    private void Write(TarEntry entry)
    {
        archive.Write(entry);
        _entries++;
    }

    /// <summary>Whether the layers below have something else at the path.</summary>
    private bool IsChanged(LinuxPath path, FileStatus status) => options.Lower(path) is not { } lower
        || lower.Kind != FileKind.Directory || lower.Mode != status.Mode || lower.Uid != status.Uid || lower.Gid != status.Gid
        || (!path.IsEmpty && lower.Modified != status.Modified);

    private FileStatus Limit(DirectoryHandle parent, byte[] name, FileStatus status)
    {
        if (options.Latest is not { } latest || Compare(status.Modified, latest) <= 0)
        {
            return status;
        }

        parent.SetTimes(name, null, latest);
        return parent.GetStatus(name);
    }

    private static int Compare(FileTime left, FileTime right) =>
        left.Seconds != right.Seconds ? left.Seconds.CompareTo(right.Seconds) : left.Nanoseconds.CompareTo(right.Nanoseconds);

    private static TarEntry Entry(TarEntryKind kind, LinuxPath path, FileStatus status, IReadOnlyList<Xattr> xattrs) => new()
    {
        Kind = kind,
        Path = path,
        Mode = (int)status.Mode,
        Uid = status.Uid,
        Gid = status.Gid,
        Size = kind == TarEntryKind.File ? status.Size : 0,
        ModificationTime = Time(status.Modified),
        Xattrs = xattrs,
    };

    private static UnixTime Time(FileTime time) => new(time.Seconds, (int)time.Nanoseconds);

    /// <summary>The names in the order of their bytes, so that the archive depends on nothing else.</summary>
    private static List<byte[]> Names(DirectoryHandle directory)
    {
        var names = new List<byte[]>();
        using (var reader = new DirectoryReader(directory))
        {
            while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
            {
                names.Add(name.ToArray());
            }
        }

        names.Sort((left, right) => left.AsSpan().SequenceCompareTo(right));
        return names;
    }

    /// <summary><c>directory/name</c>; with no name, <c>directory/</c>.</summary>
    private static LinuxPath Join(LinuxPath directory, ReadOnlySpan<byte> name) =>
        directory.IsEmpty ? new LinuxPath(name) : new LinuxPath([.. directory.Bytes, (byte)'/', .. name]);

    /// <summary>The whiteout beside <paramref name="path"/>, whose last component is <paramref name="name"/>.</summary>
    private static LinuxPath Sibling(LinuxPath path, byte[] name) =>
        new([.. path.Bytes[..^name.Length], .. ".wh."u8, .. name]);
}
