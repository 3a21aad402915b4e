using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Engine;

/// <summary>
/// Copies the tree of a stack of layers into a directory, with modes and times; everything belongs to the user who asks for
/// it. What is there already stays, unless the tree has the same path. No link that is there is followed.
/// </summary>
internal sealed class TreeCopy(LayerStack stack, string directory)
{
    private readonly byte[] _buffer = new byte[256 << 10];

    /// <summary>Returns how many devices, sockets and pipes were left out.</summary>
    public int Run(CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(directory);
            using var target = DirectoryHandle.Open(directory);
            return Copy(target, default, cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(directory)}: {Printable.Of(failure.Message)}", failure);
        }
    }

    private int Copy(DirectoryHandle target, LinuxPath from, CancellationToken cancellationToken)
    {
        int left = 0;
        foreach (byte[] name in stack.List(from))
        {
            cancellationToken.ThrowIfCancellationRequested();
            LinuxPath path = from.Append(name);
            if (stack.Find(path) is not { } status)
            {
                continue;
            }

            switch (status.Kind)
            {
                case FileKind.Directory:
                    left += CopyDirectory(target, name, path, status, cancellationToken);
                    break;
                case FileKind.File:
                    CopyFile(target, name, path, status);
                    break;
                case FileKind.SymbolicLink:
                    Remove(target, name);
                    Check(target.TryMakeSymbolicLink(name, stack.ReadSymbolicLink(path)), "symlink", name);
                    target.SetTimes(name, null, status.Modified);
                    break;
                default:
                    left++;
                    break;
            }
        }

        return left;
    }

    private int CopyDirectory(DirectoryHandle target, byte[] name, LinuxPath path, FileStatus status, CancellationToken cancellationToken)
    {
        // The owner must be able to write into it until it is full.
        const uint OwnerAll = 0x1c0;
        Errno made = target.TryMakeDirectory(name, OwnerAll);
        if (made == Errno.EEXIST && target.GetStatus(name).Kind != FileKind.Directory)
        {
            Remove(target, name);
            made = target.TryMakeDirectory(name, OwnerAll);
        }

        if (made != Errno.EEXIST)
        {
            Check(made, "mkdir", name);
        }

        using DirectoryHandle inner = target.OpenDirectory(name);
        int left = Copy(inner, path, cancellationToken);
        inner.SetMode(status.Mode);
        inner.SetTimes(null, status.Modified);
        return left;
    }

    private void CopyFile(DirectoryHandle target, byte[] name, LinuxPath path, FileStatus status)
    {
        Remove(target, name);
        using SafeFileHandle source = stack.OpenFile(path);
        Check(target.TryCreateFile(name, status.Mode & 0x1ff, out NewFile file), "create", name);
        using (file)
        {
            long position = 0;
            for (int count; (count = RandomAccess.Read(source, _buffer, position)) > 0; position += count)
            {
                Check(file.TryWrite(_buffer.AsSpan(0, count)), "write", name);
            }

            Check(file.TrySetTimes(null, status.Modified), "utimensat", name);
        }
    }

    /// <summary>Removes what is there and no directory.</summary>
    private static void Remove(DirectoryHandle target, byte[] name)
    {
        Errno errno = target.TryRemoveFile(name);
        if (errno is not (Errno.None or Errno.ENOENT))
        {
            throw new LinuxException("unlink", name, errno);
        }
    }

    private static void Check(Errno errno, string operation, byte[] name)
    {
        if (errno != Errno.None)
        {
            throw new LinuxException(operation, name, errno);
        }
    }
}
