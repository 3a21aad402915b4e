using System.Collections.Immutable;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>
/// The files of a container as its processes see them: those of one that runs through its first process, those of another
/// through mounts that exist for as long as they are used.
/// </summary>
internal sealed class ContainerRoot(Engine engine, Containers containers, Container container)
{
    /// <summary>Runs <paramref name="use"/> on a thread of its own.</summary>
    public async Task<T> UseAsync<T>(Func<DirectoryHandle, T> use, CancellationToken cancellationToken)
    {
        if (container.State.Process is { } process)
        {
            return await Task.Run(() =>
            {
                using DirectoryHandle root = DirectoryHandle.Open($"/proc/{process.ProcessId}/root");
                return use(root);
            }, cancellationToken);
        }

        // Nobody may start it meanwhile: two overlays must not share an upper directory.
        await using ContainerHold held = await containers.HoldAsync(container.Id, cancellationToken);
        if (held.Container.State.IsRunning)
        {
            return await new ContainerRoot(engine, containers, held.Container).UseAsync(use, cancellationToken);
        }

        ImmutableArray<string> trees = await engine.Store.TreesAsync(container.Definition.DiffIds, cancellationToken);
        ImmutableArray<ContainerMount> mounts = await new ContainerMounts(engine, container.Definition).ListAsync(null, cancellationToken);
        return await Task.Run(() => StoppedContainer.Use(engine.Runtime, container.Files, trees, mounts, use), cancellationToken);
    }

    /// <summary>What is at a path of the root; its last component is not followed.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>.</exception>
    public static FileStatus StatusOf(DirectoryHandle root, string path, Container container)
    {
        (DirectoryHandle parent, byte[] name) = Parent(root, path, container);
        using (parent)
        {
            return parent.TryGetStatus(name, out FileStatus status) == Errno.None ? status : throw NotFound(path, container);
        }
    }

    /// <summary>Opens the directory that holds the last component of a path. The caller disposes of it.</summary>
    public static (DirectoryHandle Parent, byte[] Name) Parent(DirectoryHandle root, string path, Container container)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        bool isPlain = parts.Length > 0 && parts[^1] is not ("." or "..");
        string above = isPlain ? string.Join('/', parts[..^1]) : string.Join('/', parts);
        try
        {
            DirectoryHandle parent = root.OpenDirectoryInRoot(above.Length == 0 ? "."u8 : System.Text.Encoding.UTF8.GetBytes(above));
            return (parent, isPlain ? System.Text.Encoding.UTF8.GetBytes(parts[^1]) : [(byte)'.']);
        }
        catch (LinuxException failure) when (failure.Errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
        {
            throw NotFound(path, container);
        }
    }

    public static MicaException NotFound(string path, Container container) =>
        new(ErrorKind.NotFound, $"could not find the file {Printable.Of(path)} in container {container.Name}");
}
