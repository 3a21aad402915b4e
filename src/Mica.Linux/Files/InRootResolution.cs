using Microsoft.Win32.SafeHandles;

namespace Mica.Linux;

/// <content>
/// Paths from outside, resolved as if this directory were the root of everything: an absolute path or link begins here, and
/// <c>..</c> of the root is the root, as after chroot(2). openat2(2) does that; where a kernel before 5.6 or a seccomp filter
/// lacks it, the same is done component by component.
/// </content>
public sealed unsafe partial class DirectoryHandle
{
    private const int MaxLinks = 40; // MAXSYMLINKS of the kernel
    private const int MaxDepth = 2048;

    /// <summary>How often openat2 may say "something was renamed meanwhile, try again" before it is believed.</summary>
    private const int MaxRaces = 128;

    private static bool s_lacksOpenAt2;

    [ThreadStatic]
    private static bool t_lacksOpenAt2;

    /// <summary>Opens the directory that <paramref name="path"/> leads to within this directory.</summary>
    public DirectoryHandle OpenDirectoryInRoot(ReadOnlySpan<byte> path) =>
        new(OpenInRoot(path, Constants.ReadOnly | Constants.Directory | Constants.CloseOnExec));

    /// <summary>Opens the file that <paramref name="path"/> leads to within this directory, for reading.</summary>
    public SafeFileHandle OpenFileInRoot(ReadOnlySpan<byte> path) =>
        new(OpenInRoot(path, Constants.ReadOnly | Constants.NonBlocking | Constants.CloseOnExec), ownsHandle: true);

    /// <summary>For tests: this thread behaves as on a kernel without openat2.</summary>
    internal static bool LacksOpenAt2 { get => t_lacksOpenAt2; set => t_lacksOpenAt2 = value; }

    /// <summary>
    /// Opens the directory <paramref name="name"/> unless that would lead into another mount: <see cref="Errno.EXDEV"/>.
    /// </summary>
    internal Errno TryOpenDirectoryOnSameMount(ReadOnlySpan<byte> name, out DirectoryHandle? directory)
    {
        int flags = Constants.ReadOnly | Constants.Directory | Constants.NoFollow | Constants.CloseOnExec;
        Errno errno = TryOpenAt2(name, flags, Constants.ResolveNoMountCrossing | Constants.ResolveNoSymlinks, out int descriptor);
        if (errno != Errno.ENOSYS)
        {
            directory = errno == Errno.None ? new DirectoryHandle(descriptor) : null;
            return errno;
        }

        errno = TryOpenDirectory(name, out directory);
        if (directory is not null && !directory.GetStatus().Identity.IsOnDeviceOf(GetStatus().Identity))
        {
            directory.Dispose();
            directory = null;
            return Errno.EXDEV;
        }

        return errno;
    }

    private int OpenInRoot(ReadOnlySpan<byte> path, int flags)
    {
        Errno errno = TryOpenAt2(path, flags, Constants.ResolveInRoot | Constants.ResolveNoMagicLinks, out int descriptor);
        if (errno == Errno.ENOSYS)
        {
            errno = TryWalkInRoot(path, flags, out descriptor);
        }

        return errno == Errno.None ? descriptor : throw new LinuxException("open", path, errno);
    }

    /// <summary><see cref="Errno.ENOSYS"/> when there is no openat2 here.</summary>
    private Errno TryOpenAt2(ReadOnlySpan<byte> path, int flags, ulong resolve, out int descriptor)
    {
        descriptor = -1;
        if (s_lacksOpenAt2 || t_lacksOpenAt2)
        {
            return Errno.ENOSYS;
        }

        var how = new OpenHow { Flags = (ulong)flags, Resolve = resolve };
        fixed (byte* cPath = CString.Write(path, stackalloc byte[CString.Size(path)]))
        {
            for (int races = 0; ; races++)
            {
                descriptor = (int)Libc.Syscall(Constants.OpenAt2, this, cPath, &how, (nuint)sizeof(OpenHow));
                if (descriptor >= 0)
                {
                    return Errno.None;
                }

                switch (Libc.LastError)
                {
                    case Errno.ENOSYS or Errno.EPERM: // EPERM: a seccomp filter that knows it not
                        s_lacksOpenAt2 = true;
                        return Errno.ENOSYS;
                    case Errno.EAGAIN or Errno.EINTR when races < MaxRaces:
                        continue;
                    default:
                        return Libc.LastError;
                }
            }
        }
    }

    /// <summary>Opens one component at a time, and no component through a link: what a link says is put in its place.</summary>
    private Errno TryWalkInRoot(ReadOnlySpan<byte> path, int flags, out int descriptor)
    {
        descriptor = -1;
        var below = new Stack<DirectoryHandle>();
        try
        {
            byte[] rest = path.ToArray();
            for (int links = 0; ;)
            {
                ReadOnlySpan<byte> name = TakeComponent(ref rest);
                DirectoryHandle here = below.Count > 0 ? below.Peek() : this;
                Errno errno;
                if (name.IsEmpty || (rest.Length == 0 && name.SequenceEqual("."u8)))
                {
                    errno = path.IsEmpty ? Errno.ENOENT : here.TryOpen("."u8, flags, out descriptor);
                    return errno;
                }

                if (name.SequenceEqual("."u8))
                {
                    continue;
                }

                if (name.SequenceEqual(".."u8))
                {
                    if (below.TryPop(out DirectoryHandle? left))
                    {
                        left.Dispose();
                    }

                    continue;
                }

                errno = here.TryGetStatus(name, out FileStatus status);
                if (errno != Errno.None)
                {
                    return errno;
                }

                if (status.Kind == FileKind.SymbolicLink)
                {
                    if (++links > MaxLinks)
                    {
                        return Errno.ELOOP;
                    }

                    byte[] target = here.ReadSymbolicLink(name);
                    if (target.AsSpan().StartsWith("/"u8))
                    {
                        Clear(below);
                    }

                    rest = [.. target, .. rest];
                    continue;
                }

                if (rest.Length == 0)
                {
                    // NoFollow: had it become a link since, this fails instead of following it.
                    return here.TryOpen(name, flags | Constants.NoFollow, out descriptor);
                }

                int walk = Constants.PathOnly | Constants.Directory | Constants.NoFollow | Constants.CloseOnExec;
                errno = below.Count < MaxDepth ? here.TryOpen(name, walk, out int next) : Fail(Errno.ENAMETOOLONG, out next);
                if (errno != Errno.None)
                {
                    return errno;
                }

                below.Push(new DirectoryHandle(next));
            }
        }
        finally
        {
            Clear(below);
        }
    }

    private Errno TryOpen(ReadOnlySpan<byte> name, int flags, out int descriptor)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            descriptor = Libc.OpenAt(this, cName, flags, 0);
            return descriptor < 0 ? Libc.LastError : Errno.None;
        }
    }

    /// <summary>The first component of <paramref name="rest"/>, which keeps the slash behind it: a name with one is a directory's.</summary>
    private static ReadOnlySpan<byte> TakeComponent(ref byte[] rest)
    {
        ReadOnlySpan<byte> trimmed = rest.AsSpan().TrimStart((byte)'/');
        int slash = trimmed.IndexOf((byte)'/');
        ReadOnlySpan<byte> name = slash < 0 ? trimmed : trimmed[..slash];
        rest = slash < 0 ? [] : trimmed[slash..].ToArray();
        return name;
    }

    private static Errno Fail(Errno errno, out int descriptor)
    {
        descriptor = -1;
        return errno;
    }

    private static void Clear(Stack<DirectoryHandle> handles)
    {
        while (handles.TryPop(out DirectoryHandle? handle))
        {
            handle.Dispose();
        }
    }
}
