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

    public bool IsOwnedByRoot => true;

    public FileStatus? Find(LinuxPath path)
    {
        if (path.IsEmpty)
        {
            return _root.GetStatus();
        }

        (DirectoryHandle? parent, byte[] name) = Parent(path);
        using (parent)
        {
            return parent is not null && parent.TryGetStatus(name, out FileStatus status) == Errno.None && IsIncluded(path, status) ? status : null;
        }
    }

    public IReadOnlyList<byte[]> List(LinuxPath path)
    {
        var names = new List<byte[]>();
        using (DirectoryHandle directory = _root.OpenDirectoryInRoot(path.IsEmpty ? "."u8 : path.Bytes))
        {
            using var reader = new DirectoryReader(directory);
            while (reader.TryRead(out ReadOnlySpan<byte> name, out FileKind kind))
            {
                LinuxPath full = path.Append(name);
                if (!_ignored.Decide(full.Bytes).IsExcluded || (kind is FileKind.Directory or FileKind.Unknown && _ignored.MayIncludeBelow(full.Bytes)))
                {
                    names.Add(name.ToArray());
                }
            }
        }

        names.Sort((left, right) => left.AsSpan().SequenceCompareTo(right));
        return names;
    }

    public SafeFileHandle OpenFile(LinuxPath path)
    {
        (DirectoryHandle? parent, byte[] name) = Parent(path);
        using (parent)
        {
            return (parent ?? throw Missing(path)).OpenFile(name);
        }
    }

    public byte[] ReadSymbolicLink(LinuxPath path)
    {
        (DirectoryHandle? parent, byte[] name) = Parent(path);
        using (parent)
        {
            return (parent ?? throw Missing(path)).ReadSymbolicLink(name);
        }
    }

    /// <summary>Attributes of the host's files are the host's.</summary>
    public IReadOnlyList<Xattr> Xattrs(LinuxPath path) => [];

    public LinuxPath Resolve(LinuxPath path) => LinkResolution.Resolve(path, here =>
        Find(here) is { Kind: FileKind.SymbolicLink } ? ReadSymbolicLink(here) : null);

    public string DigestOf(LinuxPath path, FileStatus status)
    {
        if (_digests?.Find(path, status) is { } known)
        {
            return known;
        }

        using SafeFileHandle file = OpenFile(path);
        string digest = FileHash.Of(file);
        _digests?.Add(path, status, digest);
        return digest;
    }

    public void Dispose() => _root.Dispose();

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

    private bool IsIncluded(LinuxPath path, FileStatus status) =>
        !_ignored.Decide(path.Bytes).IsExcluded || (status.Kind == FileKind.Directory && _ignored.MayIncludeBelow(path.Bytes));

    /// <summary>The directory above, opened through no link that leads out; null when there is none.</summary>
    private (DirectoryHandle? Directory, byte[] Name) Parent(LinuxPath path)
    {
        byte[] name = path.Name.ToArray();
        try
        {
            return (_root.OpenDirectoryInRoot(path.Parent is { IsEmpty: false } parent ? parent.Bytes : "."u8), name);
        }
        catch (LinuxException failure) when (failure.Errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
        {
            return (null, name);
        }
    }
}
