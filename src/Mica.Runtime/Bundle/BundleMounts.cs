using System.Globalization;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// Makes the sources of a container's mounts, inside the bundle: a tmpfs that only the container's own mount namespace has, so
/// that secrets are on no disk and nothing is left over.
/// </summary>
internal sealed class BundleMounts(string bundle, string scratch, MountPoints mountPoints, DirectoryHandle root, bool usesUserXattrs)
{
    private readonly List<string> _mounted = [];
    private readonly List<string> _destinations = ["/proc", "/dev", "/sys"];
    private int _count;

    /// <summary>Trees that were mounted, to be unmounted.</summary>
    public IEnumerable<string> Mounted => Enumerable.Reverse(_mounted);

    /// <summary>As the runtime is to be told.</summary>
    public ConfigMount Add(ContainerMount mount)
    {
        (string type, string source, bool isDirectory, List<string> options) = mount switch
        {
            BindMount bind => Bind(bind),
            TreeMount tree => Bind(Tree(tree), isReadOnly: !tree.DiscardsWrites),
            SecretMount secret => Bind(Secret(secret), isReadOnly: true),
            TmpfsMount tmpfs => ("tmpfs", "tmpfs", true, TmpfsOptions(tmpfs)),
            _ => throw new MicaException(ErrorKind.Internal, $"{mount.GetType().Name}: unknown kind of mount"),
        };

        return new ConfigMount(Place(mount.Destination, isDirectory), type, source, options);
    }

    /// <summary>A file that is written for the container, as /etc/hosts is.</summary>
    public ConfigMount AddFile(BundleFile file)
    {
        string source = file.Source ?? NewPath();
        File.WriteAllText(source, file.Content);
        File.SetUnixFileMode(source, (UnixFileMode)0x1a4); // 0644
        return new ConfigMount(Place(file.Destination, isDirectory: false), "bind", source, ["bind", "rw", "rprivate"]);
    }

    /// <summary>The path in the container, made there if need be, without links.</summary>
    public string Place(string destination, bool isDirectory)
    {
        // What lies below another mount is that mount's, and the runtime's to make.
        string path = "/" + string.Join('/', destination.Split('/', StringSplitOptions.RemoveEmptyEntries));
        if (!_destinations.Any(above => path.StartsWith(above + "/", StringComparison.Ordinal)))
        {
            path = mountPoints.Prepare(root, destination, isDirectory);
            _destinations.Add(path);
        }

        return path == "/" ? throw new MicaException(ErrorKind.InvalidArgument, "nothing can be mounted on / of a container") : path;
    }

    /// <summary>Whether something that is mounted covers <paramref name="path"/>.</summary>
    public bool IsBelowMount(string path) =>
        _destinations.Any(above => path == above || path.StartsWith(above + "/", StringComparison.Ordinal));

    private static (string Type, string Source, bool IsDirectory, List<string> Options) Bind(BindMount bind)
    {
        string source = bind.Source;
        if (bind.SubPath is { Length: > 0 } subPath)
        {
            using DirectoryHandle handle = DirectoryHandle.Open(source);
            string inside = RootWalk.TryResolve(handle, subPath)
                ?? throw new MicaException(ErrorKind.NotFound, $"{Printable.Of(subPath)}: not found in {Printable.Of(source)}, so it cannot be mounted");
            source = Path.Combine(source, inside[1..]);
        }

        var (type, path, isDirectory, options) = Bind(source, bind.IsReadOnly);
        options[0] = bind.IsNotRecursive ? "bind" : "rbind";
        options[^1] = bind.Propagation ?? "rprivate";
        return (type, path, isDirectory, options);
    }

    private static (string Type, string Source, bool IsDirectory, List<string> Options) Bind(string source, bool isReadOnly)
    {
        bool isDirectory = Directory.Exists(source);
        return isDirectory || File.Exists(source)
            ? ("bind", source, isDirectory, ["rbind", isReadOnly ? "ro" : "rw", "rprivate"])
            : throw new MicaException(ErrorKind.NotFound, $"{Printable.Of(source)}: no such file or directory to mount");
    }

    private static List<string> TmpfsOptions(TmpfsMount tmpfs)
    {
        List<string> options = tmpfs.Options.IsEmpty ? ["nosuid", "nodev"] : ["nosuid", "nodev", "noexec", .. tmpfs.Options];
        if (tmpfs.SizeBytes is { } size)
        {
            options.Add(string.Create(CultureInfo.InvariantCulture, $"size={size}"));
        }

        // The last word of a pair counts, but runtimes hand both on.
        options.RemoveAll(option => tmpfs.Options.Contains(option switch
        {
            "noexec" => "exec",
            "nosuid" => "suid",
            "nodev" => "dev",
            _ => "",
        }));
        return options;
    }

    private string Tree(TreeMount tree)
    {
        string at = tree.LowerDirectories.Length == 1 && !tree.DiscardsWrites ? tree.LowerDirectories[0] : MountTree(tree);
        using DirectoryHandle handle = DirectoryHandle.Open(at);
        string path = RootWalk.TryResolve(handle, tree.SubPath)
            ?? throw new MicaException(ErrorKind.NotFound, $"{Printable.Of(tree.SubPath)}: not found, so it cannot be mounted on {Printable.Of(tree.Destination)}");
        return Path.Combine(at, path[1..]);
    }

    private string MountTree(TreeMount tree)
    {
        string at = NewDirectory();
        string? upper = null;
        string? work = null;
        if (tree.DiscardsWrites)
        {
            string own = Path.Combine(scratch, _count.ToString(CultureInfo.InvariantCulture));
            upper = Directory.CreateDirectory(Path.Combine(own, "upper")).FullName;
            work = Directory.CreateDirectory(Path.Combine(own, "work")).FullName;
            CopyRootStatus(tree.LowerDirectories.Length > 0 ? tree.LowerDirectories[0] : null, upper);
        }

        Overlay overlay = new([.. tree.LowerDirectories, .. tree.LowerDirectories.Length == 0 ? [NewDirectory()] : (ReadOnlySpan<string>)[]], upper, work)
        {
            UsesUserXattrs = usesUserXattrs,
            IsVolatile = true,
        };
        MountTable.MountOverlay(overlay, at, NewDirectory());
        _mounted.Add(at);
        return at;
    }

    /// <summary>The root of an overlay shows the upper directory's own mode and owner.</summary>
    private static void CopyRootStatus(string? lower, string upper)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(upper);
        FileStatus status;
        if (lower is null)
        {
            directory.SetMode(0x1ed);
            return;
        }

        using (DirectoryHandle top = DirectoryHandle.Open(lower))
        {
            status = top.GetStatus();
        }

        directory.SetOwner(status.Uid, status.Gid);
        directory.SetMode(status.Mode);
        directory.SetTimes(status.Modified, status.Modified);
    }

    private string Secret(SecretMount secret)
    {
        string source = NewPath();
        File.WriteAllBytes(source, secret.Content.ToArray());
        using DirectoryHandle directory = DirectoryHandle.Open(bundle);
        byte[] name = System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(source));
        directory.SetOwner(name, secret.Uid, secret.Gid);
        directory.SetMode(name, secret.Mode & 0xfff); // after chown, which clears setuid
        return source;
    }

    private string NewPath() => Path.Combine(bundle, $"m{_count++}");

    private string NewDirectory() => Directory.CreateDirectory(NewPath()).FullName;
}
