using System.Collections.Concurrent;
using System.Collections.Immutable;
using Mica.Layers;
using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>The tree of a stage or an image.</summary>
internal sealed class StackTree(LayerStack layers, string displayName, ImmutableArray<string> trees = default) : ISourceTree
{
    private readonly ConcurrentDictionary<LinuxPath, string> _digests = [];

    public string DisplayName => displayName;

    /// <summary>The directories that make the tree, the topmost first.</summary>
    public ImmutableArray<string> Trees => trees.IsDefault ? [] : trees;

    public bool IsOwnedByRoot => false;

    public FileStatus? Find(LinuxPath path) => layers.Find(path);

    public IReadOnlyList<byte[]> List(LinuxPath path) => layers.List(path);

    public SafeFileHandle OpenFile(LinuxPath path) => layers.OpenFile(path);

    public byte[] ReadSymbolicLink(LinuxPath path) => layers.ReadSymbolicLink(path);

    public IReadOnlyList<Xattr> Xattrs(LinuxPath path) => layers.Xattrs(path);

    public LinuxPath Resolve(LinuxPath path) => layers.Resolve(path);

    // Layers never change.
    public string DigestOf(LinuxPath path, FileStatus status) => _digests.GetOrAdd(path, _ =>
    {
        using SafeFileHandle file = OpenFile(path);
        return FileHash.Of(file);
    });
}
