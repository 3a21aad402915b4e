using System.Text;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>What is at a path of a container.</summary>
/// <param name="Name">The last component.</param>
/// <param name="Kind">What it is; a link at the end is followed when that was asked for.</param>
/// <param name="Size">In bytes.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record PathStatus(string Name, FileKind Kind, long Size, uint Mode);

/// <summary>Copies files out of containers and into them, as tars, as docker's archive calls do.</summary>
internal sealed class ContainerFileCopy(Engine engine, Containers containers, Container container)
{
    private const int MaxLinks = 40;

    /// <summary>What is at <paramref name="path"/>; null: nothing.</summary>
    public Task<PathStatus?> FindAsync(string path, bool follows, CancellationToken cancellationToken) => UseAsync(root =>
    {
        try
        {
            string place = follows || path.EndsWith('/') || path.EndsWith("/.", StringComparison.Ordinal) ? Follow(root, path) : path;
            FileStatus status = ContainerRoot.StatusOf(root, place, container);
            return new PathStatus(Path.GetFileName(path.TrimEnd('/')), status.Kind, status.Size, status.Mode);
        }
        catch (MicaException missing) when (missing.Kind == ErrorKind.NotFound)
        {
            return null;
        }
    }, cancellationToken);

    /// <summary>
    /// Writes what is at <paramref name="path"/> into a tar, whose first entry is called <paramref name="shown"/>; null: of a
    /// directory only what is in it.
    /// </summary>
    public Task<bool> ReadAsync(string path, bool follows, string? shown, Stream output, CancellationToken cancellationToken) => UseAsync(root =>
    {
        string place = follows ? Follow(root, path) : path;
        (DirectoryHandle parent, byte[] name) = ContainerRoot.Parent(root, place, container);
        using (parent)
        {
            if (parent.TryGetStatus(name, out _) != Errno.None)
            {
                throw ContainerRoot.NotFound(path, container);
            }

            FileTar.Write(parent, name, shown, output, cancellationToken);
            return true;
        }
    }, cancellationToken);

    /// <summary>Unpacks a tar into the directory at <paramref name="path"/>; everything belongs to root unless <paramref name="keepsOwners"/>.</summary>
    public Task<bool> WriteAsync(string path, Stream tar, bool keepsOwners, CancellationToken cancellationToken) => UseAsync(root =>
    {
        try
        {
            using DirectoryHandle target = root.OpenDirectoryInRoot(Encoding.UTF8.GetBytes(path.Trim('/') is { Length: > 0 } place ? place : "."));
            using Stream plain = LayerDecompressor.Open(new BufferedStream(tar, 256 << 10), out _);
            LayerApplyOptions options = LayerWorkspace.ApplyOptions with { MaxUnpackedBytes = long.MaxValue };
            LayerApplier.ApplyOver(new TarReader(plain), target, keepsOwners ? options : options with { PreserveOwnership = false }, cancellationToken);
            return true;
        }
        catch (LinuxException failure) when (failure.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            throw ContainerRoot.NotFound(path, container);
        }
        catch (LinuxException failure)
        {
            throw new MicaException(ErrorKind.Failed, $"{container.Name}:{Printable.Of(path)}: {failure.Message}", failure);
        }
    }, cancellationToken);

    private Task<T> UseAsync<T>(Func<DirectoryHandle, T> use, CancellationToken cancellationToken) =>
        new ContainerRoot(engine, containers, container).UseAsync(use, cancellationToken);

    /// <summary>Where a path leads when its last component is a link.</summary>
    private string Follow(DirectoryHandle root, string path)
    {
        string place = path.TrimEnd('/');
        for (int i = 0; i < MaxLinks; i++)
        {
            (DirectoryHandle parent, byte[] name) = ContainerRoot.Parent(root, place, container);
            using (parent)
            {
                if (parent.TryGetStatus(name, out FileStatus status) != Errno.None || status.Kind != FileKind.SymbolicLink)
                {
                    return place;
                }

                string target = Encoding.UTF8.GetString(parent.ReadSymbolicLink(name));
                place = target.StartsWith('/') ? target : $"{Path.GetDirectoryName(place)}/{target}";
            }
        }

        throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: too many symbolic links");
    }
}
