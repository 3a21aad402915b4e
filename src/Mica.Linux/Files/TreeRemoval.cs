namespace Mica.Linux;

/// <summary>What <see cref="DirectoryHandle.RemoveTree"/> took away.</summary>
/// <param name="Entries">Names, directories included.</param>
/// <param name="Bytes">Sizes of the regular files whose last name went.</param>
public readonly record struct RemovedTree(long Entries, long Bytes);

/// <content>Removal of whole trees.</content>
public sealed partial class DirectoryHandle
{
    /// <summary>
    /// Removes <paramref name="name"/> and everything below. Nothing outside is touched: links are removed and not followed,
    /// and another mount below is an error (<see cref="Errno.EXDEV"/> or <see cref="Errno.EBUSY"/>). Directories that their
    /// owner may not write are made writable first. Depth does not matter. What is not there is removed already, so that two
    /// removals can run at once. Not atomic; a removal that was interrupted can be repeated.
    /// </summary>
    public RemovedTree RemoveTree(ReadOnlySpan<byte> name)
    {
        var removal = new TreeRemoval();
        removal.Remove(this, name, 0);
        return removal.Removed;
    }
}

/// <summary>One <see cref="DirectoryHandle.RemoveTree"/>.</summary>
internal sealed class TreeRemoval
{
    /// <summary>Open directories at a time. What lies deeper is first moved up, into the top of the tree.</summary>
    private const int MaxDepth = 48;

    /// <summary>Fruitless passes over a directory that is said not to be empty, such as one that someone fills meanwhile.</summary>
    private const int MaxPasses = 16;

    private const uint OwnerAll = 0x1c0; // 0700

    private long _entries;
    private long _bytes;
    private long _moved;
    private DirectoryHandle? _top;

    public RemovedTree Removed => new(_entries, _bytes);

    public void Remove(DirectoryHandle from, ReadOnlySpan<byte> name, int depth)
    {
        Errno errno = from.TryGetStatus(name, out FileStatus status);
        if (errno == Errno.None && status.Kind != FileKind.Directory)
        {
            errno = from.TryRemoveFile(name);
            if (errno == Errno.None)
            {
                _entries++;
                _bytes += status.Kind == FileKind.File && status.LinkCount == 1 ? status.Size : 0;
            }
        }
        else if (errno == Errno.None)
        {
            errno = RemoveDirectory(from, name, status, depth);
        }

        if (errno is not (Errno.None or Errno.ENOENT))
        {
            throw new LinuxException("remove", name, errno);
        }
    }

    private Errno RemoveDirectory(DirectoryHandle from, ReadOnlySpan<byte> name, in FileStatus status, int depth)
    {
        // Most directories of a half-removed or small tree are empty.
        Errno errno = TryRemoveEmptyDirectory(from, name);
        if (errno is not (Errno.ENOTEMPTY or Errno.EEXIST))
        {
            return errno;
        }

        // Root needs no permission; others need read to list, write to remove, and search to get at anything.
        if ((status.Mode & OwnerAll) != OwnerAll)
        {
            errno = from.TrySetMode(name, OwnerAll);
            if (errno is not (Errno.None or Errno.EPERM))
            {
                return errno;
            }
        }

        if (depth == MaxDepth)
        {
            return MoveUp(from, name);
        }

        errno = from.TryOpenDirectoryOnSameMount(name, out DirectoryHandle? directory);
        if (directory is null)
        {
            return errno;
        }

        using (directory)
        {
            _top ??= directory;
            return Empty(from, name, directory, depth);
        }
    }

    private Errno Empty(DirectoryHandle from, ReadOnlySpan<byte> name, DirectoryHandle directory, int depth)
    {
        using var reader = new DirectoryReader(directory);
        for (int fruitless = 0; ;)
        {
            long before = _entries + _moved;
            while (reader.TryRead(out ReadOnlySpan<byte> entry, out _))
            {
                Remove(directory, entry, depth + 1);
            }

            Errno errno = TryRemoveEmptyDirectory(from, name);
            fruitless = _entries + _moved > before ? 0 : fruitless + 1;
            if (errno is not (Errno.ENOTEMPTY or Errno.EEXIST) || fruitless == MaxPasses)
            {
                return errno;
            }

            reader.Rewind();
        }
    }

    /// <summary>Into the top directory, where it is found again when the rest of the tree is gone.</summary>
    private Errno MoveUp(DirectoryHandle from, ReadOnlySpan<byte> name)
    {
        while (true)
        {
            Errno errno = from.TryRename(name, _top!, CString.Bytes($".removed-{_moved++}"), RenameMode.NoReplace);
            if (errno != Errno.EEXIST)
            {
                return errno;
            }
        }
    }

    private Errno TryRemoveEmptyDirectory(DirectoryHandle from, ReadOnlySpan<byte> name)
    {
        Errno errno = from.TryRemoveDirectory(name);
        _entries += errno == Errno.None ? 1 : 0;
        return errno;
    }
}
