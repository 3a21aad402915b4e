using System.Collections.Immutable;
using Mica.Linux;

namespace Mica.Runtime;

/// <summary>
/// Puts a container's root and its <c>config.json</c> together in a bundle directory, on a thread that has mounts of its own.
/// </summary>
internal sealed class BundleRoot(ContainerSpec spec, RuntimeOptions options, string bundle, string scratch)
{
    /// <summary>Where the root is mounted.</summary>
    public string RootPath { get; } = Path.Combine(bundle, "rootfs");

    private int _mounts;

    private bool UsesUserXattrs => options.Rung != RuntimeRung.Root;

    /// <summary>Mounts the root, with <paramref name="further"/> directories (the topmost first) above its layers.</summary>
    public void Mount(string upper, string work, params ReadOnlySpan<string> further)
    {
        Directory.CreateDirectory(RootPath);
        string names = Directory.CreateDirectory(Path.Combine(bundle, $"layers{_mounts++}")).FullName;
        ImmutableArray<string> lowers = [.. further, .. spec.Root.LowerDirectories];
        if (lowers.IsEmpty)
        {
            lowers = [Directory.CreateDirectory(Path.Combine(bundle, "empty")).FullName];
        }

        MountTable.MountOverlay(new Overlay(lowers, upper, work) { UsesUserXattrs = UsesUserXattrs, IsVolatile = spec.Root.IsVolatile }, RootPath, names);
    }

    /// <summary>
    /// Prepares what is mounted on the root, whose mount points appear in it.
    /// </summary>
    /// <param name="mountPoints">Makes them.</param>
    /// <param name="files">Paths in the container and what is in the files there, which belong to the container's /etc.</param>
    /// <param name="mounted">Gets the trees that were mounted for it, in the order in which they have to be unmounted.</param>
    public BundleContents Prepare(MountPoints mountPoints, IEnumerable<BundleFile> files, List<string> mounted)
    {
        using DirectoryHandle root = DirectoryHandle.Open(RootPath);
        BundleMounts mounts = new(bundle, scratch, mountPoints, root, UsesUserXattrs);
        List<ConfigMount> configured = [];
        try
        {
            foreach (string own in (ReadOnlySpan<string>)["/proc", "/dev", "/sys"])
            {
                mountPoints.Prepare(root, own, isDirectory: true);
            }

            foreach (BundleFile file in files.Where(file => spec.Mounts.All(mount => mount.Destination != file.Destination)))
            {
                configured.Add(mounts.AddFile(file));
            }

            foreach (ContainerMount mount in spec.Mounts)
            {
                configured.Add(mounts.Add(mount));
            }
        }
        finally
        {
            mounted.AddRange(mounts.Mounted.Reverse());
        }

        return new BundleContents(configured, mounts.IsBelowMount(spec.WorkingDirectory));
    }

    /// <summary>Makes a missing working directory in the mounted root, where it stays.</summary>
    public string MakeWorkingDirectory()
    {
        using DirectoryHandle root = DirectoryHandle.Open(RootPath);
        return MountPoints.MakeWorkingDirectory(root, spec.WorkingDirectory, spec.User);
    }

    /// <summary>Writes <c>config.json</c>.</summary>
    public void Write(RuntimeConfig config) => File.WriteAllBytes(Path.Combine(bundle, "config.json"), RuntimeConfigContext.Write(config));
}

/// <summary>What is mounted on a root.</summary>
/// <param name="Mounts">As the runtime is told.</param>
/// <param name="CoversWorkingDirectory">The working directory is that of something mounted, and not ours to make.</param>
internal sealed record BundleContents(List<ConfigMount> Mounts, bool CoversWorkingDirectory);

/// <summary>A file that is mounted on a path of the container.</summary>
/// <param name="Destination">In the container.</param>
/// <param name="Content">What is written to it first.</param>
/// <param name="Source">Where it is; null: in the bundle, under any name.</param>
internal sealed record BundleFile(string Destination, string Content, string? Source = null);
