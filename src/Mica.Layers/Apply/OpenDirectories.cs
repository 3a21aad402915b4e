using Mica.Linux;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// The directories of a layer, found from paths of its archive. Each component is opened by itself, from the directory before
/// it and never through a link; a link is read, and what it says is followed from the layer's root on, as it would be inside
/// the container. So no path, whatever links the layer has or swaps, is ever resolved by the kernel against the host.
/// <para>
/// The directories in use stay open, the least recently used is closed for a new one: most entries find theirs open.
/// </para>
/// </summary>
internal sealed class OpenDirectories : IDisposable
{
    private const int Capacity = 256;
    private const int MaxLinks = 40; // as the kernel
    private const int MaxPathLength = 4096;

    /// <summary>
    /// A path can be made to go through tens of thousands of directories by way of links, again for every entry. Real layers
    /// take a few steps per entry; what they may take on average, and in all before that counts, bounds the time of others.
    /// </summary>
    private const int MaxStepsPerPath = 64;
    private const int FreeSteps = 1_000_000;

    private const uint OwnerAll = 0x1c0; // 0700

    private readonly OpenDirectory _root;
    private readonly bool _privileged;
    private readonly Action<OpenDirectory, byte[], bool> _createImplied;
    private readonly LinkedList<OpenDirectory> _order = new();
    private readonly Dictionary<byte[], OpenDirectory> _open = new(PathComparer.Instance);
    private readonly Dictionary<byte[], OpenDirectory>.AlternateLookup<ReadOnlySpan<byte>> _openBySpan;

    /// <summary>Paths that go through links, and the paths without links that they lead to. Void as soon as a link goes.</summary>
    private readonly Dictionary<byte[], byte[]> _links = new(PathComparer.Instance);
    private readonly Dictionary<byte[], byte[]>.AlternateLookup<ReadOnlySpan<byte>> _linksBySpan;
    private readonly byte[] _key = new byte[2 * MaxPathLength];
    private long _paths;
    private long _steps;

    /// <summary>
    /// <paramref name="createImplied"/> makes a missing directory (in, name, whether a whiteout is in its place) and opens it
    /// by <see cref="OpenNew"/>.
    /// </summary>
    public OpenDirectories(DirectoryHandle root, bool privileged, Action<OpenDirectory, byte[], bool> createImplied)
    {
        _root = new OpenDirectory([], root);
        _privileged = privileged;
        _createImplied = createImplied;
        _openBySpan = _open.GetAlternateLookup<ReadOnlySpan<byte>>();
        _linksBySpan = _links.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public OpenDirectory Root => _root;

    /// <summary>
    /// The directory that the normalized <paramref name="path"/> leads to; null when there is none and
    /// <paramref name="create"/> does not ask for it. It stays open until the next call.
    /// </summary>
    public OpenDirectory? Find(ReadOnlySpan<byte> path, bool create)
    {
        _paths++;
        if (path.IsEmpty)
        {
            return _root;
        }

        if (_openBySpan.TryGetValue(path, out OpenDirectory? found))
        {
            return Use(found);
        }

        return Walk(_linksBySpan.TryGetValue(path, out byte[]? real) ? real : path, path, create);
    }

    /// <summary>
    /// Opens the existing directory <paramref name="name"/> in <paramref name="parent"/>, or returns the one that is open;
    /// otherwise the reason why not.
    /// </summary>
    public Errno TryOpen(OpenDirectory parent, ReadOnlySpan<byte> name, out OpenDirectory? directory)
    {
        ReadOnlySpan<byte> path = Join(parent.Path, name);
        if (_openBySpan.TryGetValue(path, out directory))
        {
            Use(directory);
            return Errno.None;
        }

        Errno errno = Open(parent, name, out DirectoryHandle? handle, out uint? narrowMode);
        if (handle is null)
        {
            return errno;
        }

        FileStatus status = handle.GetStatus();
        directory = new OpenDirectory(path.ToArray(), handle);
        directory.RememberTime(status.Modified);
        uint mode = narrowMode ?? status.Mode;
        uint working = WorkingMode(mode);
        if (working != mode)
        {
            handle.SetMode(working);
            directory.KeepMode(mode);
        }

        Add(directory);
        return Errno.None;
    }

    /// <summary>
    /// Opens the directory <paramref name="name"/> that was made in <paramref name="parent"/> just now, with
    /// <see cref="WorkingMode"/>; the caller says what mode and times it is to have.
    /// </summary>
    public OpenDirectory OpenNew(OpenDirectory parent, ReadOnlySpan<byte> name)
    {
        Errno errno = Open(parent, name, out DirectoryHandle? handle, out _);
        if (handle is null)
        {
            throw new LinuxException("open", name, errno);
        }

        var directory = new OpenDirectory(Join(parent.Path, name).ToArray(), handle);
        Add(directory);
        return directory;
    }

    /// <summary>
    /// The mode of a directory while things are created in it: its owner may do that, and nothing inherits its group. setuid
    /// and setgid cannot be given to mkdir(2) either.
    /// </summary>
    public uint WorkingMode(uint mode) => (mode & 0x3ff) | (_privileged ? 0 : OwnerAll);

    /// <summary>A link was removed or replaced.</summary>
    public void ForgetLinks() => _links.Clear();

    /// <summary>Closes all directories that are not pinned: some of them are about to be removed.</summary>
    public void CloseAll()
    {
        ForgetLinks();
        for (LinkedListNode<OpenDirectory>? place = _order.First; place is not null;)
        {
            LinkedListNode<OpenDirectory>? next = place.Next;
            if (!place.Value.IsPinned)
            {
                Close(place.Value);
            }

            place = next;
        }
    }

    /// <summary>Puts the metadata of the directories that are still open right, the root's last.</summary>
    public void Finish()
    {
        CloseAll();
        _root.Close();
    }

    /// <summary>After a failure: closes, and leaves everything as it is.</summary>
    public void Dispose()
    {
        foreach (OpenDirectory directory in _order)
        {
            directory.Handle.Dispose();
        }

        _order.Clear();
        _open.Clear();
        _root.Handle.Dispose();
    }

    private OpenDirectory? Walk(ReadOnlySpan<byte> path, ReadOnlySpan<byte> asked, bool create)
    {
        OpenDirectory here = DeepestOpen(path, out int length);
        byte[] rest = path[length..].ToArray();
        int links = 0;
        for (int position = 0; TakeComponent(rest, ref position, out Range component);)
        {
            ReadOnlySpan<byte> name = rest.AsSpan(component);
            CountStep(asked);
            if (name.SequenceEqual(".."u8))
            {
                // Only links have these. The path so far is free of links, so that its parent is the one that is meant.
                here = Find(EntryPath.Split(here.Path, out _), create: false)!;
                _paths--;
                continue;
            }

            Errno errno = TryOpen(here, name, out OpenDirectory? next);
            if (errno is Errno.ENOTDIR or Errno.ELOOP)
            {
                FileStatus status = here.Handle.GetStatus(name);
                if (status.Kind == FileKind.SymbolicLink)
                {
                    byte[] target = here.Handle.ReadSymbolicLink(name);
                    if (++links > MaxLinks || target.Length + rest.Length - position > MaxPathLength)
                    {
                        throw NotFound(asked, links > MaxLinks ? Errno.ELOOP : Errno.ENAMETOOLONG);
                    }

                    here = target[0] == '/' ? _root : here;
                    rest = [.. target, (byte)'/', .. rest.AsSpan(position)];
                    position = 0;
                    continue;
                }

                errno = status.IsWhiteout ? Errno.ENOENT : Errno.ENOTDIR;
            }

            if (errno == Errno.ENOENT && !create)
            {
                return null;
            }

            if (errno == Errno.ENOENT)
            {
                here.IsPinned = true;
                bool hidden = here.Handle.TryGetStatus(name, out _) == Errno.None;
                _createImplied(here, name.ToArray(), hidden);
                here.IsPinned = false;
                errno = TryOpen(here, name, out next);
            }

            here = next ?? throw NotFound(asked, errno);
        }

        if (links > 0)
        {
            Remember(asked, here);
        }

        return here;
    }

    /// <summary>Bounded: an archive can make up any number of paths.</summary>
    private void Remember(ReadOnlySpan<byte> path, OpenDirectory directory)
    {
        if (_links.Count >= 4 * Capacity)
        {
            _links.Clear();
        }

        _linksBySpan[path] = directory.Path;
    }

    private OpenDirectory DeepestOpen(ReadOnlySpan<byte> path, out int length)
    {
        for (length = path.LastIndexOf((byte)'/'); length > 0; length = path[..length].LastIndexOf((byte)'/'))
        {
            CountStep(path);
            if (_openBySpan.TryGetValue(path[..length], out OpenDirectory? found))
            {
                return Use(found);
            }
        }

        length = 0;
        return _root;
    }

    private void CountStep(ReadOnlySpan<byte> path)
    {
        if (++_steps > FreeSteps + (MaxStepsPerPath * _paths))
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"{new LinuxPath(path)}: the layer's paths go through too many directories and links");
        }
    }

    private static bool TakeComponent(ReadOnlySpan<byte> path, ref int position, out Range component)
    {
        while (position < path.Length)
        {
            int start = position;
            int slash = path[start..].IndexOf((byte)'/');
            int end = slash < 0 ? path.Length : start + slash;
            position = Math.Min(end + 1, path.Length);
            component = start..end;
            if (end > start && !path[start..end].SequenceEqual("."u8))
            {
                return true;
            }
        }

        component = default;
        return false;
    }

    private Errno Open(OpenDirectory parent, ReadOnlySpan<byte> name, out DirectoryHandle? handle, out uint? narrowMode)
    {
        narrowMode = null;
        Errno errno = parent.Handle.TryOpenDirectory(name, out handle);
        if (errno is Errno.EMFILE or Errno.ENFILE)
        {
            bool wasPinned = parent.IsPinned;
            parent.IsPinned = true;
            CloseAll();
            parent.IsPinned = wasPinned;
            errno = parent.Handle.TryOpenDirectory(name, out handle);
        }

        if (errno == Errno.EACCES && !_privileged)
        {
            // The layer says so; a directory of ours all the same.
            uint mode = parent.Handle.GetStatus(name).Mode;
            parent.Handle.SetMode(name, mode | OwnerAll);
            narrowMode = mode;
            errno = parent.Handle.TryOpenDirectory(name, out handle);
        }

        return errno;
    }

    private void Add(OpenDirectory directory)
    {
        for (LinkedListNode<OpenDirectory>? oldest = _order.First; _order.Count >= Capacity && oldest is not null;)
        {
            LinkedListNode<OpenDirectory>? next = oldest.Next;
            if (!oldest.Value.IsPinned)
            {
                Close(oldest.Value);
            }

            oldest = next;
        }

        directory.Place = _order.AddLast(directory);
        _open.Add(directory.Path, directory);
    }

    private OpenDirectory Use(OpenDirectory directory)
    {
        if (directory.Place != _order.Last)
        {
            _order.Remove(directory.Place!);
            _order.AddLast(directory.Place!);
        }

        return directory;
    }

    private void Close(OpenDirectory directory)
    {
        _order.Remove(directory.Place!);
        _open.Remove(directory.Path);
        directory.Close();
    }

    /// <summary>Valid until the next call.</summary>
    private ReadOnlySpan<byte> Join(ReadOnlySpan<byte> directory, ReadOnlySpan<byte> name)
    {
        if (directory.Length + 1 + name.Length > MaxPathLength)
        {
            throw NotFound(directory, Errno.ENAMETOOLONG);
        }

        if (directory.IsEmpty)
        {
            name.CopyTo(_key);
            return _key.AsSpan(0, name.Length);
        }

        directory.CopyTo(_key);
        _key[directory.Length] = (byte)'/';
        name.CopyTo(_key.AsSpan(directory.Length + 1));
        return _key.AsSpan(0, directory.Length + 1 + name.Length);
    }

    private static MicaException NotFound(ReadOnlySpan<byte> path, Errno errno) =>
        new(ErrorKind.ContentMismatch, $"{new LinuxPath(path)}: {LinuxException.Describe(errno)}");
}
