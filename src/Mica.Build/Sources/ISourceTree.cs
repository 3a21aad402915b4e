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

    /// <summary>The names in a directory, in the order of their bytes.</summary>
    IReadOnlyList<byte[]> List(LinuxPath path);

    SafeFileHandle OpenFile(LinuxPath path);

    byte[] ReadSymbolicLink(LinuxPath path);

    IReadOnlyList<Xattr> Xattrs(LinuxPath path);

    /// <summary>Where the path leads when every link on its way and at its end is followed within the tree.</summary>
    LinuxPath Resolve(LinuxPath path);

    /// <summary>The sha256 of the content of a file, in lower-case hex.</summary>
    string DigestOf(LinuxPath path, FileStatus status);
}
