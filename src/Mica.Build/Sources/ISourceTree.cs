using Mica.Layers;
using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>
/// A tree that COPY, ADD and bind mounts take files from: the context, a stage, an image. Paths are relative to its root,
/// without empty, <c>.</c> and <c>..</c> components; the empty one is the root. Links are never followed but by
/// <see cref="Resolve"/>, and never lead out.
/// </summary>
internal interface ISourceTree
{
    /// <summary>What messages call it: <c>build context</c>, <c>stage "base"</c>.</summary>
    string DisplayName { get; }

    /// <summary>Files belong to root whatever the tree says, as those of a context do.</summary>
    bool IsOwnedByRoot { get; }

    /// <summary>What is at the path; null for nothing, or what the tree leaves out.</summary>
    FileStatus? Find(LinuxPath path);

    /// <summary>Opens the directory at the path. Links on the way there are followed within the tree.</summary>
    ISourceDirectory OpenDirectory(LinuxPath path);

    SafeFileHandle OpenFile(LinuxPath path);

    /// <summary>Where the path leads when every link on its way and at its end is followed within the tree.</summary>
    LinuxPath Resolve(LinuxPath path);
}

/// <summary>An open directory of a tree, and what can be done with the names in it. For one thread at a time.</summary>
internal interface ISourceDirectory : IDisposable
{
    /// <summary>What is in it and not left out, in the order of the names' bytes.</summary>
    IReadOnlyList<SourceEntry> Read();

    ISourceDirectory OpenDirectory(byte[] name);

    SafeFileHandle OpenFile(byte[] name);

    byte[] ReadSymbolicLink(byte[] name);

    IReadOnlyList<Xattr> Xattrs(byte[] name);

    /// <summary>The sha256 of the content of a file.</summary>
    ContentHash HashOf(in SourceEntry file);

    /// <summary>Whether the file is still what it was when the directory was read.</summary>
    bool IsUnchanged(in SourceEntry file);
}

/// <summary>A name in a directory, and what it stands for.</summary>
internal readonly record struct SourceEntry(byte[] Name, FileStatus Status);
