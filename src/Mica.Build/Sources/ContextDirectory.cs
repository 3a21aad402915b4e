using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>
/// An open directory of a context; everything in it is reached from its handle, so that a walk opens each directory once.
/// </summary>
internal sealed class ContextDirectory(DirectoryHandle directory, LinuxPath path, PatternList ignored, ContextDigests? digests, string displayName) : ISourceDirectory
{
    private const int MaxName = 255; // NAME_MAX

    private static readonly Comparison<SourceEntry> s_byName = (left, right) => left.Name.AsSpan().SequenceCompareTo(right.Name);

    public IReadOnlyList<SourceEntry> Read()
    {
        var entries = new List<SourceEntry>();
        byte[] full = new byte[path.Length + 1 + MaxName];
        path.Bytes.CopyTo(full);
        int start = path.IsEmpty ? 0 : path.Length + 1;
        full[Math.Max(0, start - 1)] = (byte)'/';
        using var reader = new DirectoryReader(directory);
        while (reader.TryRead(out ReadOnlySpan<byte> name, out FileKind kind))
        {
            name.CopyTo(full.AsSpan(start));
            ReadOnlySpan<byte> whole = full.AsSpan(0, start + name.Length);
            // What goes away meanwhile was not there.
            if ((ignored.Patterns.IsEmpty || ContextTree.IsIncluded(ignored, whole, kind)) && directory.TryGetStatus(name, out FileStatus status) == Errno.None
                && (kind != FileKind.Unknown || ContextTree.IsIncluded(ignored, whole, status.Kind)))
            {
                entries.Add(new SourceEntry(name.ToArray(), status));
            }
        }

        entries.Sort(s_byName);
        return entries;
    }

    public ISourceDirectory OpenDirectory(byte[] name)
    {
        try
        {
            return new ContextDirectory(directory.OpenDirectory(name), path.Append(name), ignored, digests, displayName);
        }
        catch (LinuxException failure)
        {
            throw SourceErrors.Translate(failure, path.Append(name), displayName);
        }
    }

    public SafeFileHandle OpenFile(byte[] name)
    {
        try
        {
            return directory.OpenFile(name);
        }
        catch (LinuxException failure)
        {
            throw SourceErrors.Translate(failure, path.Append(name), displayName);
        }
    }

    public byte[] ReadSymbolicLink(byte[] name)
    {
        try
        {
            return directory.ReadSymbolicLink(name);
        }
        catch (LinuxException failure)
        {
            throw SourceErrors.Translate(failure, path.Append(name), displayName);
        }
    }

    /// <summary>Attributes of the host's files are the host's.</summary>
    public IReadOnlyList<Xattr> Xattrs(byte[] name) => [];

    public ContentHash HashOf(in SourceEntry file)
    {
        if (digests is not null && digests.TryFind(file.Status, out ContentHash known))
        {
            return known;
        }

        using SafeFileHandle handle = OpenFile(file.Name);
        var hash = ContentHash.Of(handle);
        digests?.Add(file.Status, hash);
        return hash;
    }

    public bool IsUnchanged(in SourceEntry file) =>
        directory.TryGetStatus(file.Name, out FileStatus now) == Errno.None && SourceFingerprint.IsSame(now, file.Status);

    public void Dispose() => directory.Dispose();
}
