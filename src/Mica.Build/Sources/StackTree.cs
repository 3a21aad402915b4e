using System.Collections.Immutable;
using Mica.Layers;
using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>The tree of a stage or an image.</summary>
internal sealed class StackTree(LayerStack layers, string displayName, ImmutableArray<string> trees = default) : ISourceTree
{
    public string DisplayName => displayName;

    /// <summary>The directories that make the tree, the topmost first.</summary>
    public ImmutableArray<string> Trees => trees.IsDefault ? [] : trees;

    public bool IsOwnedByRoot => false;

    public FileStatus? Find(LinuxPath path) => layers.Find(path);

    public ISourceDirectory OpenDirectory(LinuxPath path) => new StackDirectory(layers, path);

    public SafeFileHandle OpenFile(LinuxPath path) => layers.OpenFile(path);

    public LinuxPath Resolve(LinuxPath path) => layers.Resolve(path);

    private sealed class StackDirectory(LayerStack layers, LinuxPath path) : ISourceDirectory
    {
        public IReadOnlyList<SourceEntry> Read()
        {
            var entries = new List<SourceEntry>();
            foreach (byte[] name in layers.List(path))
            {
                if (layers.Find(path.Append(name)) is { } status)
                {
                    entries.Add(new SourceEntry(name, status));
                }
            }

            return entries;
        }

        public ISourceDirectory OpenDirectory(byte[] name) => new StackDirectory(layers, path.Append(name));

        public SafeFileHandle OpenFile(byte[] name) => layers.OpenFile(path.Append(name));

        public byte[] ReadSymbolicLink(byte[] name) => layers.ReadSymbolicLink(path.Append(name));

        public IReadOnlyList<Xattr> Xattrs(byte[] name) => layers.Xattrs(path.Append(name));

        public ContentHash HashOf(in SourceEntry file)
        {
            using SafeFileHandle handle = OpenFile(file.Name);
            return ContentHash.Of(handle);
        }

        /// <summary>Layers never change.</summary>
        public bool IsUnchanged(in SourceEntry file) => true;

        public void Dispose()
        {
            // The stack's own handles are used.
        }
    }
}
