using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>
/// A directory of the host, without what its ignore file leaves out. Nothing outside it can be reached, whatever its links
/// say, and while other programs change it.
/// </summary>
internal sealed class ContextTree : ISourceTree, IDisposable
{
    private readonly DirectoryHandle _root;
    private readonly PatternList _ignored;
    private readonly ContextDigests? _digests;

    public ContextTree(string directory, PatternList ignored, ContextDigests? digests, string displayName)
    {
        Directory = Path.GetFullPath(directory);
        _root = Open(directory);
        _ignored = ignored;
        _digests = digests;
        DisplayName = displayName;
    }

    public string DisplayName { get; }

    /// <summary>The directory of the host.</summary>
    public string Directory { get; }

    /// <summary>What is left out.</summary>
    public PatternList Ignored => _ignored;

    public bool IsOwnedByRoot => true;

    public FileStatus? Find(LinuxPath path)
    {
        if (path.IsEmpty)
        {
            return _root.GetStatus();
        }

        using DirectoryHandle? parent = Parent(path);
        return parent is not null && parent.TryGetStatus(path.Name, out FileStatus status) == Errno.None && IsIncluded(_ignored, path.Bytes, status.Kind) ? status : null;
    }

    public ISourceDirectory OpenDirectory(LinuxPath path)
    {
        try
        {
            return new ContextDirectory(_root.OpenDirectoryInRoot(path.IsEmpty ? "."u8 : path.Bytes), path, _ignored, _digests, DisplayName);
        }
        catch (LinuxException failure)
        {
            throw SourceErrors.Translate(failure, path, DisplayName);
        }
    }

    public SafeFileHandle OpenFile(LinuxPath path)
    {
        using DirectoryHandle? parent = Parent(path);
        try
        {
            return (parent ?? throw Missing(path)).OpenFile(path.Name);
        }
        catch (LinuxException failure)
        {
            throw SourceErrors.Translate(failure, path, DisplayName);
        }
    }

    public LinuxPath Resolve(LinuxPath path) => LinkResolution.Resolve(path, here =>
    {
        if (Find(here) is not { Kind: FileKind.SymbolicLink })
        {
            return null;
        }

        using DirectoryHandle? parent = Parent(here);
        return (parent ?? throw Missing(here)).ReadSymbolicLink(here.Name);
    });

    public void Dispose() => _root.Dispose();

    /// <summary>Of a directory that is left out something below may be wanted: then it is there too.</summary>
    public static bool IsIncluded(PatternList ignored, ReadOnlySpan<byte> path, FileKind kind) =>
        !ignored.Decide(path).IsExcluded || (kind is FileKind.Directory or FileKind.Unknown && ignored.MayIncludeBelow(path));

    private static DirectoryHandle Open(string directory)
    {
        try
        {
            return DirectoryHandle.Open(directory);
        }
        catch (LinuxException failure)
        {
            throw new MicaException(
                failure.Errno == Errno.EACCES ? ErrorKind.PermissionDenied : ErrorKind.NotFound,
                failure.Errno == Errno.ENOENT ? $"unable to prepare context: path \"{Printable.Of(directory)}\" not found"
                : failure.Errno == Errno.ENOTDIR ? $"unable to prepare context: path \"{Printable.Of(directory)}\" is not a directory"
                : $"unable to prepare context: {failure.Message}", failure);
        }
    }

    private static MicaException Missing(LinuxPath path) => new(ErrorKind.NotFound, $"/{path}: not found");

    /// <summary>The directory above, opened through no link that leads out; null when there is none.</summary>
    private DirectoryHandle? Parent(LinuxPath path)
    {
        try
        {
            return _root.OpenDirectoryInRoot(path.Parent is { IsEmpty: false } parent ? parent.Bytes : "."u8);
        }
        catch (LinuxException failure) when (failure.Errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
        {
            return null;
        }
        catch (LinuxException failure)
        {
            throw SourceErrors.Translate(failure, path.Parent, DisplayName);
        }
    }
}
