using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Layers;

/// <summary>
/// The tree that layer directories make together, looked at without mounting anything: whiteouts and opaque directories hide
/// what is below them, as under overlayfs. Paths are relative to its root and have no empty, <c>.</c> or <c>..</c> component;
/// the empty path is the root. No symbolic link is followed but by <see cref="Resolve"/>. The directories must not change.
/// Safe for concurrent use.
/// </summary>
public sealed class LayerStack : IDisposable
{
    private readonly DirectoryHandle[] _layers;
    private readonly byte[] _opaque;
    private readonly Lock _gate = new();

    /// <summary>Of directories that were looked at: the layers that have a part of it, the topmost first.</summary>
    private readonly Dictionary<LinuxPath, int[]> _directories = [];

    /// <summary>Opens the trees of the layers, the topmost first.</summary>
    public LayerStack(IReadOnlyList<string> trees, WhiteoutForm form)
    {
        _layers = [.. trees.Select(DirectoryHandle.Open)];
        _opaque = OverlayAttributes.Opaque(form);
        _directories.Add(default, [.. Enumerable.Range(0, _layers.Length)]);
    }

    /// <summary>The status of what is at <paramref name="path"/>; null for nothing. A stack of no layers has an empty root.</summary>
    public FileStatus? Find(LinuxPath path) => Locate(path)?.Status;

    /// <summary>The names in the directory at <paramref name="path"/>, in the order of their bytes; none when it is something else.</summary>
    public IReadOnlyList<byte[]> List(LinuxPath path)
    {
        var names = new SortedSet<byte[]>(Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right)));
        var hidden = new HashSet<byte[]>(PathComparer.Instance);
        foreach (int layer in Parts(path) ?? [])
        {
            using DirectoryHandle directory = Open(layer, path);
            using var reader = new DirectoryReader(directory);
            var whiteouts = new List<byte[]>();
            while (reader.TryRead(out ReadOnlySpan<byte> name, out FileKind kind))
            {
                byte[] copy = name.ToArray();
                if (kind is FileKind.CharacterDevice or FileKind.Unknown && directory.GetStatus(copy).IsWhiteout)
                {
                    whiteouts.Add(copy);
                }
                else if (!hidden.Contains(copy))
                {
                    names.Add(copy);
                }
            }

            // What this layer deletes is what lies below it, not beside it.
            hidden.UnionWith(whiteouts);
        }

        return [.. names];
    }

    /// <summary>The names in the directory at <paramref name="path"/> that the stack deletes from whatever it lies on, in the order of their bytes.</summary>
    public IReadOnlyList<byte[]> ListDeleted(LinuxPath path)
    {
        var seen = new HashSet<byte[]>(PathComparer.Instance);
        var deleted = new List<byte[]>();
        foreach (int layer in Parts(path) ?? [])
        {
            using DirectoryHandle directory = Open(layer, path);
            using var reader = new DirectoryReader(directory);
            while (reader.TryRead(out ReadOnlySpan<byte> name, out FileKind kind))
            {
                byte[] copy = name.ToArray();
                if (seen.Add(copy) && kind is FileKind.CharacterDevice or FileKind.Unknown && directory.GetStatus(copy).IsWhiteout)
                {
                    deleted.Add(copy);
                }
            }
        }

        deleted.Sort((left, right) => left.AsSpan().SequenceCompareTo(right));
        return deleted;
    }

    /// <summary>
    /// Whether the directory at <paramref name="path"/>, which is not the root, shows nothing of what the stack lies on: one of
    /// its layers made the directory anew, or removed what was there before.
    /// </summary>
    public bool HidesBelow(LinuxPath path)
    {
        foreach (int layer in Parts(path.Parent) ?? [])
        {
            if (_layers[layer].TryGetStatus(path.Bytes, out FileStatus status) == Errno.None
                && (status.Kind != FileKind.Directory || _layers[layer].GetXattr(path.Bytes, _opaque) is [(byte)'y']))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Opens the file at <paramref name="path"/> for reading.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>.</exception>
    public SafeFileHandle OpenFile(LinuxPath path)
    {
        (int layer, _) = Locate(path) ?? throw NotFound(path);
        return _layers[layer].OpenFile(path.Bytes);
    }

    /// <summary>The text of the symbolic link at <paramref name="path"/>.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>.</exception>
    public byte[] ReadSymbolicLink(LinuxPath path)
    {
        (int layer, _) = Locate(path) ?? throw NotFound(path);
        return _layers[layer].ReadSymbolicLink(path.Bytes);
    }

    /// <summary>The attributes of the image of what is at <paramref name="path"/>, in the order of their names.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>.</exception>
    public IReadOnlyList<Xattr> Xattrs(LinuxPath path)
    {
        (int layer, _) = Locate(path) ?? throw NotFound(path);
        ReadOnlySpan<byte> name = path.IsEmpty ? "."u8 : path.Bytes;
        return OverlayAttributes.Read(_layers[layer], name);
    }

    /// <inheritdoc cref="LinkResolution.Resolve"/>
    public LinuxPath Resolve(LinuxPath path) => LinkResolution.Resolve(path, here =>
        Locate(here) is (var layer, { Kind: FileKind.SymbolicLink }) ? _layers[layer].ReadSymbolicLink(here.Bytes) : null);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DirectoryHandle layer in _layers)
        {
            layer.Dispose();
        }
    }

    private static MicaException NotFound(LinuxPath path) => new(ErrorKind.NotFound, $"/{path}: no such file or directory");

    private (int Layer, FileStatus Status)? Locate(LinuxPath path)
    {
        if (path.IsEmpty)
        {
            return _layers.Length == 0 ? null : (0, _layers[0].GetStatus());
        }

        foreach (int layer in Parts(path.Parent) ?? [])
        {
            if (_layers[layer].TryGetStatus(path.Bytes, out FileStatus status) == Errno.None)
            {
                return status.IsWhiteout ? null : (layer, status);
            }
        }

        return null;
    }

    /// <summary>The layers that have a part of the directory at <paramref name="path"/>; null when there is no such directory.</summary>
    private int[]? Parts(LinuxPath path)
    {
        lock (_gate)
        {
            if (_directories.TryGetValue(path, out int[]? known))
            {
                return known.Length == 0 && !path.IsEmpty ? null : known;
            }
        }

        var parts = new List<int>();
        foreach (int layer in Parts(path.Parent) ?? [])
        {
            if (_layers[layer].TryGetStatus(path.Bytes, out FileStatus status) != Errno.None)
            {
                continue;
            }

            if (status.Kind != FileKind.Directory)
            {
                break;
            }

            parts.Add(layer);
            if (_layers[layer].GetXattr(path.Bytes, _opaque) is [(byte)'y'])
            {
                break;
            }
        }

        lock (_gate)
        {
            _directories[path] = [.. parts];
        }

        return parts.Count == 0 ? null : [.. parts];
    }

    private DirectoryHandle Open(int layer, LinuxPath path) =>
        path.IsEmpty ? _layers[layer].OpenDirectory("."u8) : _layers[layer].OpenDirectory(path.Bytes);
}
