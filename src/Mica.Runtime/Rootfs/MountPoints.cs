using System.Text;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// The names in a container's root that something is mounted on. Runtimes make what is missing and leave it there, so that it
/// would be part of an image; here it is made beforehand, with the times of its directories put back, and taken away
/// afterwards from the upper directory, with the directories that overlayfs copied up for that reason alone. What the container
/// changed in any way stays.
/// </summary>
internal sealed class MountPoints(DirectoryHandle upper)
{
    private const uint DirectoryMode = 0x1ed; // 0755
    private const uint FileMode = 0x1a4; // 0644

    private readonly List<Stub> _stubs = [];
    private readonly Dictionary<string, CopiedDirectory> _copied = new(StringComparer.Ordinal);

    private sealed record Stub(string Directory, byte[] Name, FileStatus Status);

    /// <summary>A directory as it was in the layers, whose copy is in the upper directory since a stub was made in it.</summary>
    private sealed record CopiedDirectory(FileStatus Status, string Xattrs);

    /// <summary>Makes what is missing of <paramref name="destination"/> in the mounted <paramref name="root"/>.</summary>
    /// <returns>The path without links.</returns>
    public string Prepare(DirectoryHandle root, string destination, bool isDirectory) =>
        RootWalk.TryResolve(root, destination, (directory, path, name, isLast) =>
        {
            RememberDirectories(root, path);
            Make(directory, path, name, isDirectory || !isLast);
            return true;
        })!;

    /// <summary>Makes a missing working directory, which stays.</summary>
    public static string MakeWorkingDirectory(DirectoryHandle root, string path, ContainerUser user) =>
        RootWalk.TryResolve(root, path, (directory, _, name, _) =>
        {
            byte[] bytes = Encoding.UTF8.GetBytes(name);
            Check(directory.TryMakeDirectory(bytes, DirectoryMode), path);
            directory.SetOwner(bytes, user.Uid, user.Gid);
            return true;
        })!;

    /// <summary>Takes back what <see cref="Prepare"/> made. The overlay must be gone: nobody else may change its upper directory.</summary>
    public void Remove()
    {
        foreach (Stub stub in Enumerable.Reverse(_stubs))
        {
            using DirectoryHandle? directory = RootWalk.TryOpen(upper, stub.Directory);
            if (directory?.TryGetStatus(stub.Name, out FileStatus now) == Errno.None && IsUntouched(now, stub.Status))
            {
                RemoveKeepingTimes(directory, stub.Name, now.Kind);
            }
        }

        foreach ((string path, CopiedDirectory before) in _copied.OrderByDescending(copied => copied.Key.Length))
        {
            using DirectoryHandle? parent = RootWalk.TryOpen(upper, Path.GetDirectoryName(path)!);
            byte[] name = Encoding.UTF8.GetBytes(Path.GetFileName(path));
            if (parent?.TryGetStatus(name, out FileStatus now) == Errno.None && now.Kind == FileKind.Directory
                && IsUntouched(now, before.Status) && Xattrs(parent, name) == before.Xattrs)
            {
                RemoveKeepingTimes(parent, name, FileKind.Directory); // unless something is in it
            }
        }
    }

    private void RememberDirectories(DirectoryHandle root, string path)
    {
        for (; path != "/"; path = Path.GetDirectoryName(path)!)
        {
            if (_copied.ContainsKey(path))
            {
                continue;
            }

            byte[] name = Encoding.UTF8.GetBytes(Path.GetFileName(path));
            using DirectoryHandle? above = RootWalk.TryOpen(upper, Path.GetDirectoryName(path)!);
            if (above?.TryGetStatus(name, out _) == Errno.None)
            {
                continue; // the caller's own, or a stub's
            }

            using DirectoryHandle parent = RootWalk.TryOpen(root, Path.GetDirectoryName(path)!)!;
            _copied[path] = new CopiedDirectory(parent.GetStatus(name), Xattrs(parent, name));
        }
    }

    private void Make(DirectoryHandle directory, string path, string name, bool isDirectory)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        FileTime before = directory.GetStatus().Modified;
        if (isDirectory)
        {
            Check(directory.TryMakeDirectory(bytes, DirectoryMode), $"{path}/{name}");
        }
        else
        {
            Errno errno = directory.TryCreateFile(bytes, FileMode, out NewFile file);
            Check(errno, $"{path}/{name}");
            file.Dispose();
        }

        directory.SetTimes(accessed: null, before);
        _stubs.Add(new Stub(path, bytes, directory.GetStatus(bytes)));
    }

    /// <summary>Whether all is as it was but for names in a directory that have come and gone without being noticed.</summary>
    private static bool IsUntouched(in FileStatus now, in FileStatus before) =>
        now.Kind == before.Kind && now.Mode == before.Mode && now.Uid == before.Uid && now.Gid == before.Gid
        && now.Modified == before.Modified && (now.Kind == FileKind.Directory || now.Size == 0);

    private static void RemoveKeepingTimes(DirectoryHandle directory, ReadOnlySpan<byte> name, FileKind kind)
    {
        FileTime before = directory.GetStatus().Modified;
        Errno errno = kind == FileKind.Directory ? directory.TryRemoveDirectory(name) : directory.TryRemoveFile(name);
        if (errno == Errno.None)
        {
            directory.SetTimes(accessed: null, before);
        }
    }

    /// <summary>All but overlayfs's own, which come with a copy. An opaque directory is one that the container made anew.</summary>
    private static string Xattrs(DirectoryHandle directory, byte[] name)
    {
        StringBuilder text = new();
        foreach (byte[] attribute in directory.ListXattrs(name))
        {
            string key = Encoding.UTF8.GetString(attribute);
            if (!key.Contains(".overlay.", StringComparison.Ordinal) || key.EndsWith(".overlay.opaque", StringComparison.Ordinal))
            {
                text.Append(key).Append('=').Append(Convert.ToHexString(directory.GetXattr(name, attribute) ?? [])).Append('\n');
            }
        }

        return text.ToString();
    }

    private static void Check(Errno errno, string path)
    {
        if (errno != Errno.None)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(path)}: mount point cannot be made: {LinuxException.Describe(errno)}");
        }
    }
}
