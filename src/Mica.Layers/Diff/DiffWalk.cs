using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Layers;

/// <summary>One walk through an upper directory.</summary>
internal sealed class DiffWalk(TarWriter archive, LayerDiffOptions options, CancellationToken cancellationToken)
{
    private const int BufferSize = 256 << 10;

    private readonly OverlayAttributes _attributes = new(options.WhiteoutForm, options.IsInUse);
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
        Enter(upper, TarEntry.Of(status, new LinuxPath("."), xattrs)!, default, status, isOpaque);
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
            WriteMark(path.Append(".wh..wh..opq"u8), status);
        }

        foreach (byte[] name in Names(directory))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Look(directory, name, path.Append(name));
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
            WriteMark(path.Parent.Append([.. ".wh."u8, .. name]), status);
            return;
        }

        if (name.AsSpan().StartsWith(".wh."u8))
        {
            _notices.Add($"{path}: a layer cannot hold a file of this name: it would mean that another one is deleted");
            return;
        }

        status = Limit(parent, name, status);
        IReadOnlyList<Xattr> xattrs = _attributes.Take(parent, name, out bool isOpaque);
        if (TarEntry.Of(status, path, xattrs) is not { } entry)
        {
            // A socket: nothing listens on it any more.
            return;
        }

        if (entry.Kind == TarEntryKind.Directory)
        {
            using DirectoryHandle directory = parent.OpenDirectory(name);
            Enter(directory, entry, path, status, isOpaque);
            return;
        }

        Flush();
        if (status.LinkCount > 1 && !_links.TryAdd(status.Identity, path))
        {
            Write(entry with { Kind = TarEntryKind.HardLink, LinkTarget = _links[status.Identity], Size = 0, DeviceMajor = 0, DeviceMinor = 0, Xattrs = [] });
            return;
        }

        switch (entry.Kind)
        {
            case TarEntryKind.File:
                WriteFile(parent, name, entry);
                break;
            case TarEntryKind.SymbolicLink:
                Write(entry with { LinkTarget = new LinuxPath(parent.ReadSymbolicLink(name)) });
                break;
            default:
                Write(entry);
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
}
