using Mica.Engine;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary>Copies between the machine and a container by way of a tar in a file without a name.</summary>
internal sealed class FileCopy(Engine.Engine engine, bool follows, bool keepsOwners)
{
    /// <summary>Out of a container. Returns the bytes of the tar.</summary>
    public async Task<long> OutAsync(string container, string from, string to, Func<Stream> openOutput, CancellationToken cancellationToken)
    {
        PathStatus status = await engine.Containers.FindFileAsync(container, from, follows, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"could not find the file {Printable.Of(from)} in container {container}");
        string name = Path.GetFileName(from.TrimEnd('/')) is { Length: > 0 } last and not "." ? last : Path.GetFileName(Path.GetFullPath(from)) is { Length: > 0 } above ? above : "root";
        if (to == "-")
        {
            await using var output = new BufferedStream(openOutput(), 256 << 10);
            await engine.Containers.ReadFilesAsync(container, from, follows, name, output, cancellationToken);
            return 0;
        }

        (string directory, string? shown) = Target(to, name, IsContent(from), status.Kind == FileKind.Directory,
            path => Directory.Exists(path) ? FileKind.Directory : Path.Exists(path) ? FileKind.File : null);
        await using FileStream tar = Temporary();
        await engine.Containers.ReadFilesAsync(container, from, follows, shown, tar, cancellationToken);
        tar.Position = 0;
        if (shown is null)
        {
            Directory.CreateDirectory(directory);
        }

        using DirectoryHandle target = DirectoryHandle.Open(Path.GetFullPath(directory));
        LayerApplier.ApplyOver(new TarReader(tar), target, Store.LayerWorkspace.ApplyOptions with
        {
            MaxUnpackedBytes = long.MaxValue,
            PreserveOwnership = keepsOwners && Store.LayerWorkspace.ApplyOptions.PreserveOwnership,
        }, cancellationToken);
        return tar.Length;
    }

    /// <summary>Into a container. Returns the bytes of the tar.</summary>
    public async Task<long> InAsync(string container, string from, string to, Func<Stream> openInput, CancellationToken cancellationToken)
    {
        PathStatus? there = await engine.Containers.FindFileAsync(container, to, follows: true, cancellationToken);
        if (from == "-")
        {
            if (there is not { Kind: FileKind.Directory })
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"destination \"{container}:{Printable.Of(to)}\" must be a directory");
            }

            await using Stream input = openInput();
            await engine.Containers.WriteFilesAsync(container, to, input, keepsOwners, cancellationToken);
            return 0;
        }

        string source = Path.GetFullPath(from);
        source = follows && File.ResolveLinkTarget(source, returnFinalTarget: true) is { } target ? target.FullName : source;
        if (!Path.Exists(source) && File.ResolveLinkTarget(source, returnFinalTarget: false) is null)
        {
            throw new MicaException(ErrorKind.NotFound, $"lstat {Printable.Of(source)}: no such file or directory");
        }

        bool isDirectory = Directory.Exists(source);
        (string directory, string? shown) = Target(to, Path.GetFileName(source), IsContent(from), isDirectory, path => path == to ? there?.Kind : null);
        if (shown is null && there is null)
        {
            // The directory is made by its own entry.
            (directory, shown) = (Path.GetDirectoryName(to.TrimEnd('/')) ?? "/", Path.GetFileName(to.TrimEnd('/')));
        }

        await using FileStream tar = Temporary();
        Write(source, shown, tar, cancellationToken);
        tar.Position = 0;
        long bytes = tar.Length;
        await engine.Containers.WriteFilesAsync(container, directory.Length == 0 ? "/" : directory, tar, keepsOwners, cancellationToken);
        return bytes;
    }

    private static bool IsContent(string path) => path.EndsWith("/.", StringComparison.Ordinal) || path == ".";

    /// <summary>
    /// The directory into which a tar is unpacked, and what its first entry is called there; null: what is in the source
    /// directory goes into that directory, which is made if need be.
    /// </summary>
    private static (string Directory, string? Shown) Target(string to, string name, bool isContent, bool isDirectory, Func<string, FileKind?> find)
    {
        FileKind? there = find(to);
        string above = Path.GetDirectoryName(to.TrimEnd('/')) is { Length: > 0 } parent ? parent : to.StartsWith('/') ? "/" : ".";
        return (there, isDirectory) switch
        {
            (FileKind.Directory, true) => (to, isContent ? null : name),
            (FileKind.Directory, false) => (to, name),
            (null, true) => (to, null),
            (null, false) when to.EndsWith('/') => throw new MicaException(ErrorKind.InvalidArgument, "destination directory must exist"),
            (_, true) => throw new MicaException(ErrorKind.InvalidArgument, "cannot copy directory"),
            _ => (above, Path.GetFileName(to)),
        };
    }

    private static void Write(string source, string? shown, Stream tar, CancellationToken cancellationToken)
    {
        string parent = Path.GetDirectoryName(source) ?? "/";
        byte[] name = System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(source) is { Length: > 0 } last ? last : ".");
        using DirectoryHandle directory = DirectoryHandle.Open(parent);
        FileTar.Write(directory, name, shown, tar, cancellationToken);
    }

    private static FileStream Temporary() => new(
        Path.Combine(Path.GetTempPath(), $"mica-cp-{Environment.ProcessId}-{Random.Shared.Next():x8}"),
        new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Options = FileOptions.DeleteOnClose,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            BufferSize = 256 << 10,
        });
}
