using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Build;

/// <summary>
/// A tree of whiteouts that lies over a context and hides what its ignore file leaves out, where the directory itself is
/// mounted. Directories on the way bear the attributes that they have in the context.
/// </summary>
internal static class ContextMask
{
    /// <summary>False when there is nothing to hide; then the target is empty.</summary>
    public static bool Write(string context, PatternList ignored, string target, CancellationToken cancellationToken)
    {
        if (ignored.Patterns.IsEmpty)
        {
            return false;
        }

        using DirectoryHandle from = DirectoryHandle.Open(context), into = DirectoryHandle.Open(target);
        return Write(from, default, ignored, into, cancellationToken);
    }

    private static bool Write(DirectoryHandle from, LinuxPath path, PatternList ignored, DirectoryHandle into, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        bool masks = false;
        using var reader = new DirectoryReader(from);
        while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
        {
            if (from.TryGetStatus(name, out FileStatus status) != Errno.None)
            {
                continue;
            }

            LinuxPath child = path.Append(name);
            if (!ContextTree.IsIncluded(ignored, child.Bytes, status.Kind))
            {
                Check(into.TryMakeNode(name, FileKind.CharacterDevice, 0, 0, 0), name);
                masks = true;
            }
            else if (status.Kind == FileKind.Directory)
            {
                masks |= WriteDirectory(from, child, status, ignored, into, cancellationToken);
            }
        }

        return masks;
    }

    private static bool WriteDirectory(
        DirectoryHandle from, LinuxPath path, FileStatus status, PatternList ignored, DirectoryHandle into, CancellationToken cancellationToken)
    {
        const uint OwnerAll = 0x1c0;
        Check(into.TryMakeDirectory(path.Name, OwnerAll), path.Name);
        using DirectoryHandle inner = Open(from, path), innerInto = into.OpenDirectory(path.Name);
        if (!Write(inner, path, ignored, innerInto, cancellationToken))
        {
            into.TryRemoveDirectory(path.Name);
            return false;
        }

        if (LinuxUser.EffectiveUserId == 0)
        {
            innerInto.SetOwner(status.Uid, status.Gid);
        }

        innerInto.SetMode(status.Mode);
        innerInto.SetTimes(null, status.Modified);
        return true;
    }

    private static DirectoryHandle Open(DirectoryHandle from, LinuxPath path)
    {
        try
        {
            return from.OpenDirectory(path.Name);
        }
        catch (LinuxException failure)
        {
            throw SourceErrors.Translate(failure, path, "the build context");
        }
    }

    private static void Check(Errno errno, ReadOnlySpan<byte> name)
    {
        if (errno != Errno.None)
        {
            throw new MicaException(ErrorKind.Failed, $"cannot hide {new LinuxPath(name)} of the build context from a step", new LinuxException("mknod", name, errno));
        }
    }
}
