using System.Text;
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
    private const int MaxLinks = 40; // MAXSYMLINKS of the kernel

    private readonly DirectoryHandle[] _layers;
    private readonly byte[] _opaque;
    private readonly Lock _gate = new();

    /// <summary>Of directories that were looked at: the layers that have a part of it, the topmost first.</summary>
    private readonly Dictionary<LinuxPath, int[]> _directories = [];

    /// <summary>Opens the trees of the layers, the topmost first.</summary>
    public LayerStack(IReadOnlyList<string> trees, WhiteoutForm form)
    {
        _layers = [.. trees.Select(DirectoryHandle.Open)];
        _opaque = Encoding.ASCII.GetBytes(form == WhiteoutForm.Trusted ? "trusted.overlay.opaque" : "user.overlay.opaque");
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

    /// <summary>
    /// Where <paramref name="path"/> leads when every link on its way, and at its end, is followed as within a chroot. Components
    /// that do not exist are kept as they are: what is missing can be made there.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: too many links.</exception>
    public LinuxPath Resolve(LinuxPath path)
    {
        var done = new List<byte[]>();
        var left = new Stack<byte[]>();
        Push(left, path.Bytes);
        for (int links = 0; left.TryPop(out byte[]? name);)
        {
            if (name is [(byte)'.', (byte)'.'])
            {
                if (done.Count > 0)
                {
                    done.RemoveAt(done.Count - 1);
                }

                continue;
            }

            done.Add(name);
            LinuxPath here = Join(done);
            if (Find(here) is { Kind: FileKind.SymbolicLink })
            {
                if (++links > MaxLinks)
                {
                    throw new MicaException(ErrorKind.InvalidArgument, $"{path}: too many levels of symbolic links");
                }

                byte[] target = ReadSymbolicLink(here);
                done.RemoveAt(done.Count - 1);
                if (target is [(byte)'/', ..])
                {
                    done.Clear();
                }

                Push(left, target);
            }
        }

        return Join(done);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DirectoryHandle layer in _layers)
        {
            layer.Dispose();
        }
    }

    private static void Push(Stack<byte[]> components, ReadOnlySpan<byte> path)
    {
        var names = new List<byte[]>();
        foreach (Range range in path.Split((byte)'/'))
        {
            if (path[range] is not ([] or [(byte)'.']))
            {
                names.Add(path[range].ToArray());
            }
        }

        for (int index = names.Count - 1; index >= 0; index--)
        {
            components.Push(names[index]);
        }
    }

    private static LinuxPath Join(List<byte[]> names)
    {
        var path = new List<byte>();
        foreach (byte[] name in names)
        {
            if (path.Count > 0)
            {
                path.Add((byte)'/');
            }

            path.AddRange(name);
        }

        return new LinuxPath([.. path]);
    }

    private static MicaException NotFound(LinuxPath path) => new(ErrorKind.NotFound, $"/{path}: no such file or directory");

    private (int Layer, FileStatus Status)? Locate(LinuxPath path)
    {
        if (path.IsEmpty)
        {
            return _layers.Length == 0 ? null : (0, _layers[0].GetStatus());
        }

        int slash = path.Bytes.LastIndexOf((byte)'/');
        foreach (int layer in Parts(slash < 0 ? default : new LinuxPath(path.Bytes[..slash])) ?? [])
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

        int slash = path.Bytes.LastIndexOf((byte)'/');
        var parts = new List<int>();
        foreach (int layer in Parts(slash < 0 ? default : new LinuxPath(path.Bytes[..slash])) ?? [])
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
