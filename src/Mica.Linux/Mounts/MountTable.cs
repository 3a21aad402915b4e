using System.Text;

namespace Mica.Linux;

/// <summary>The mounts of the calling thread: see <see cref="ThreadNamespaces.UnshareMounts"/>. mount(2), umount(2).</summary>
public static unsafe class MountTable
{
    /// <summary>
    /// Lets the file or directory <paramref name="source"/> appear at <paramref name="target"/> too;
    /// <paramref name="recursive"/>: with the mounts below it.
    /// </summary>
    public static void Bind(string source, string target, bool recursive = false) =>
        Mount(source, target, null, Constants.MountBind | (recursive ? Constants.MountRecursive : 0), null);

    /// <summary>Mounts an empty file system in memory; <paramref name="options"/> as in tmpfs(5).</summary>
    public static void MountTmpfs(string target, string options) =>
        Mount("tmpfs", target, "tmpfs", Constants.MountNoSetId | Constants.MountNoDevices, options);

    /// <summary>
    /// Takes away all mounts at and below <paramref name="path"/> that the thread sees, the last one first, also those in use.
    /// proc_pid_mountinfo(5).
    /// </summary>
    public static void UnmountBelow(string path)
    {
        // The fifth field is where; blanks in it are octal numbers, which no path of ours has.
        string[] places = [.. File.ReadLines("/proc/thread-self/mountinfo").Select(line => line.Split(' ')[4])
            .Where(place => place == path || place.StartsWith(path + "/", StringComparison.Ordinal))];
        foreach (string place in places.Reverse())
        {
            Unmount(place, detach: true);
        }
    }

    /// <summary>
    /// Takes away the mount at <paramref name="target"/>; <paramref name="detach"/>: also when it is in use, and then it goes
    /// when its last user does.
    /// </summary>
    public static void Unmount(string target, bool detach = false)
    {
        fixed (byte* cTarget = Terminated(target))
        {
            if (Libc.Unmount(cTarget, detach ? Constants.UnmountDetach : 0) < 0)
            {
                throw new LinuxException("unmount", target, Libc.LastError);
            }
        }
    }

    /// <summary>
    /// Mounts <paramref name="overlay"/>. <paramref name="names"/> is an empty directory in which every directory of the overlay
    /// gets a short name: hundreds of long ones do not fit into one page of options, and the mount table, which a container
    /// can read, need not show where they are.
    /// </summary>
    public static void MountOverlay(Overlay overlay, string target, string names)
    {
        for (int i = 0; i < overlay.LowerDirectories.Length; i++)
        {
            File.CreateSymbolicLink(Path.Combine(names, OverlayMount.Lower(i)), overlay.LowerDirectories[i]);
        }

        if (overlay.UpperDirectory is { } upper)
        {
            File.CreateSymbolicLink(Path.Combine(names, OverlayMount.Upper), upper);
            File.CreateSymbolicLink(Path.Combine(names, OverlayMount.Work), overlay.WorkDirectory!);
        }

        Errno errno = OverlayMount.TryMountByContext(overlay, target, names);
        if (errno is Errno.ENOSYS or Errno.EINVAL)
        {
            // A kernel before 6.7, or a seccomp filter that knows the old call only.
            errno = OverlayMount.TryMountByOptions(overlay, target, names);
        }

        if (errno != Errno.None)
        {
            throw new LinuxException("mount overlay", overlay.UpperDirectory ?? target, errno);
        }
    }

    internal static byte[] Terminated(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return bytes.AsSpan().Contains((byte)0) ? throw new LinuxException("mount", text, Errno.EINVAL) : [.. bytes, 0];
    }

    private static void Mount(string source, string target, string? type, ulong flags, string? options)
    {
        fixed (byte* cSource = Terminated(source))
        fixed (byte* cTarget = Terminated(target))
        fixed (byte* cType = type is null ? null : Terminated(type))
        fixed (byte* cOptions = options is null ? null : Terminated(options))
        {
            if (Libc.Mount(cSource, cTarget, cType, flags, cOptions) < 0)
            {
                throw new LinuxException("mount", target, Libc.LastError);
            }
        }
    }
}
