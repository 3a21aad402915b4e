using System.Collections.Immutable;
using System.Globalization;

namespace Mica.Linux;

/// <summary>Directories shown as one. overlayfs in the kernel's documentation.</summary>
/// <param name="LowerDirectories">What is only read, topmost first; never empty, and at least two without an upper directory.</param>
/// <param name="UpperDirectory">Where changes go; null for a tree that cannot be changed.</param>
/// <param name="WorkDirectory">An empty directory on the upper directory's file system; null without one.</param>
public sealed record Overlay(ImmutableArray<string> LowerDirectories, string? UpperDirectory, string? WorkDirectory)
{
    /// <summary>The most directories that the kernel takes.</summary>
    public const int MaxLowerDirectories = 500;

    /// <summary>Marks in the layers are <c>user.overlay.*</c> attributes, as an unprivileged user can set them.</summary>
    public bool UsesUserXattrs { get; init; }

    /// <summary>
    /// fsync(2) in the tree does nothing, which spares what installs packages most of its time. The one who keeps the upper
    /// directory makes it durable.
    /// </summary>
    public bool IsVolatile { get; init; }
}

/// <summary>The two ways to mount an <see cref="Overlay"/>.</summary>
internal static unsafe class OverlayMount
{
    public const string Upper = "u";
    public const string Work = "w";

    public static string Lower(int index) => index.ToString(CultureInfo.InvariantCulture);

    /// <summary>Since Linux 6.7: one call for each directory.</summary>
    public static Errno TryMountByContext(Overlay overlay, string target, string names)
    {
        int context;
        fixed (byte* type = "overlay\0"u8)
        {
            context = (int)Libc.Syscall(Constants.FileSystemOpen, (nint)type, Constants.FileSystemCloseOnExec, 0, 0, 0);
        }

        if (context < 0)
        {
            return Libc.LastError;
        }

        try
        {
            foreach ((string key, string? value) in Settings(overlay, names))
            {
                Errno errno = Configure(context, value is null ? Constants.ConfigureFlag : Constants.ConfigureString, key, value);
                if (errno != Errno.None)
                {
                    return errno;
                }
            }

            Errno created = Configure(context, Constants.ConfigureCreate, null, null);
            return created == Errno.None ? Attach(context, target) : created;
        }
        finally
        {
            _ = Libc.Close(context);
        }
    }

    /// <summary>One page of options, with names relative to the thread's working directory.</summary>
    public static Errno TryMountByOptions(Overlay overlay, string target, string names)
    {
        List<string> options = [$"lowerdir={string.Join(':', Enumerable.Range(0, overlay.LowerDirectories.Length).Select(Lower))}"];
        if (overlay.UpperDirectory is not null)
        {
            options.Add($"upperdir={Upper},workdir={Work}");
        }

        options.AddRange(Flags(overlay).Select(flag => flag.Value is null ? flag.Key : $"{flag.Key}={flag.Value}"));
        fixed (byte* directory = MountTable.Terminated(names))
        fixed (byte* root = "/\0"u8)
        fixed (byte* type = "overlay\0"u8)
        fixed (byte* cTarget = MountTable.Terminated(target))
        fixed (byte* cOptions = MountTable.Terminated(string.Join(',', options)))
        {
            // The thread has a working directory of its own since it has mounts of its own.
            if (Libc.ChangeDirectory(directory) < 0 || Libc.Mount(type, cTarget, type, 0, cOptions) < 0)
            {
                return Libc.LastError;
            }

            return Libc.ChangeDirectory(root) < 0 ? Libc.LastError : Errno.None;
        }
    }

    private static IEnumerable<(string Key, string? Value)> Settings(Overlay overlay, string names)
    {
        for (int i = 0; i < overlay.LowerDirectories.Length; i++)
        {
            yield return ("lowerdir+", Path.Combine(names, Lower(i)));
        }

        if (overlay.UpperDirectory is not null)
        {
            yield return ("upperdir", Path.Combine(names, Upper));
            yield return ("workdir", Path.Combine(names, Work));
        }

        foreach ((string Key, string? Value) flag in Flags(overlay))
        {
            yield return flag;
        }
    }

    private static IEnumerable<(string Key, string? Value)> Flags(Overlay overlay)
    {
        // A machine may have other defaults, and with these a layer would hold names without content.
        yield return ("metacopy", "off");
        yield return ("index", "off");
        yield return ("redirect_dir", "nofollow");
        if (overlay.UsesUserXattrs)
        {
            yield return ("userxattr", null);
        }

        if (overlay.IsVolatile && overlay.UpperDirectory is not null)
        {
            yield return ("volatile", null);
        }
    }

    private static Errno Configure(int context, int command, string? key, string? value)
    {
        fixed (byte* cKey = key is null ? null : MountTable.Terminated(key))
        fixed (byte* cValue = value is null ? null : MountTable.Terminated(value))
        {
            long result = Libc.Syscall(Constants.FileSystemConfigure, context, command, (nint)cKey, (nint)cValue, 0);
            return result < 0 ? Libc.LastError : Errno.None;
        }
    }

    private static Errno Attach(int context, string target)
    {
        int mount = (int)Libc.Syscall(Constants.FileSystemMount, context, Constants.FileSystemCloseOnExec, 0, 0, 0);
        if (mount < 0)
        {
            return Libc.LastError;
        }

        try
        {
            byte empty = 0;
            fixed (byte* cTarget = MountTable.Terminated(target))
            {
                long result = Libc.Syscall(
                    Constants.MoveMount, mount, (nint)(&empty), Constants.CurrentDirectory, (nint)cTarget, Constants.MoveFromEmptyPath);
                return result < 0 ? Libc.LastError : Errno.None;
            }
        }
        finally
        {
            // While it is open the mount cannot be taken away.
            _ = Libc.Close(mount);
        }
    }
}
