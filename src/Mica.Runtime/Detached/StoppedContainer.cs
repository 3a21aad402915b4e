using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using Mica.Linux;

namespace Mica.Runtime;

/// <summary>The root of a container that does not run, mounted for one use on a thread of its own.</summary>
public static class StoppedContainer
{
    /// <summary>Runs <paramref name="use"/> with the root, its volumes and bind mounts; whoever calls this holds the container's lock.</summary>
    public static T Use<T>(
        RuntimeOptions options, ContainerFiles files, ImmutableArray<string> layers, ImmutableArray<ContainerMount> mounts, Func<DirectoryHandle, T> use)
    {
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                result = Mounted(options, files, layers, mounts, use);
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        })
        {
            IsBackground = true,
            Name = "container files",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }

    private static T Mounted<T>(
        RuntimeOptions options, ContainerFiles files, ImmutableArray<string> layers, ImmutableArray<ContainerMount> mounts, Func<DirectoryHandle, T> use)
    {
        ThreadNamespaces.UnshareMounts();
        string place = Directory.CreateDirectory(Path.Combine(files.Directory, "view")).FullName;
        MountTable.MountTmpfs(place, "mode=700");
        try
        {
            string root = Directory.CreateDirectory(Path.Combine(place, "root")).FullName;
            string names = Directory.CreateDirectory(Path.Combine(place, "names")).FullName;
            MountTable.MountOverlay(
                new Overlay([files.Init, .. layers], files.Upper, files.Work) { UsesUserXattrs = options.Rung != RuntimeRung.Root }, root, names);
            using DirectoryHandle handle = DirectoryHandle.Open(root);
            foreach (BindMount bind in mounts.OfType<BindMount>())
            {
                if (RootWalk.TryResolve(handle, bind.Destination) is { } inside && Path.Exists(bind.Source))
                {
                    MountTable.Bind(bind.Source, Path.Combine(root, inside[1..]));
                }
            }

            using DirectoryHandle whole = DirectoryHandle.Open(root);
            return use(whole);
        }
        finally
        {
            MountTable.Unmount(place, detach: true);
        }
    }
}
