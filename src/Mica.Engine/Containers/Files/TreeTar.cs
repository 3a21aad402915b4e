using Mica.Layers;
using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Engine;

/// <summary>
/// Writes what is in a directory of a live file system, which others may be changing, into a tar. Everything is reached from
/// handles of directories, and no link is followed.
/// </summary>
internal sealed class TreeTar(TarWriter archive)
{
    private readonly Dictionary<FileIdentity, LinuxPath> _links = [];

    /// <summary>Writes <paramref name="name"/> of <paramref name="parent"/>, and what is below it, as <paramref name="shown"/>.</summary>
    public void Write(DirectoryHandle parent, byte[] name, LinuxPath shown, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (parent.TryGetStatus(name, out FileStatus status) != Errno.None
            || TarEntry.Of(status, shown, Attributes(parent, name)) is not { } entry)
        {
            return; // gone meanwhile, or a socket, which no tar can hold
        }

        switch (entry.Kind)
        {
            case TarEntryKind.Directory:
                archive.Write(entry);
                WriteContent(parent, name, shown, cancellationToken);
                break;
            case TarEntryKind.SymbolicLink:
                archive.Write(entry with { LinkTarget = new LinuxPath(parent.ReadSymbolicLink(name)) });
                break;
            case TarEntryKind.File when status.LinkCount > 1 && !_links.TryAdd(status.Identity, shown):
                archive.Write(entry with { Kind = TarEntryKind.HardLink, LinkTarget = _links[status.Identity], Size = 0, Xattrs = [] });
                break;
            case TarEntryKind.File:
                WriteFile(parent, name, entry);
                break;
            default:
                archive.Write(entry);
                break;
        }
    }

    /// <summary>Writes what is in the directory <paramref name="name"/> of <paramref name="parent"/>.</summary>
    public void WriteContent(DirectoryHandle parent, byte[] name, LinuxPath shown, CancellationToken cancellationToken)
    {
        if (parent.TryOpenDirectory(name, out DirectoryHandle? directory) != Errno.None)
        {
            return;
        }

        using (directory)
        {
            foreach (byte[] below in Names(directory!))
            {
                Write(directory!, below, shown.Append(below), cancellationToken);
            }
        }
    }

    private static List<byte[]> Names(DirectoryHandle directory)
    {
        List<byte[]> names = [];
        using DirectoryReader reader = new(directory);
        while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
        {
            names.Add(name.ToArray());
        }

        names.Sort((left, right) => left.AsSpan().SequenceCompareTo(right));
        return names;
    }

    private static List<Xattr> Attributes(DirectoryHandle parent, byte[] name)
    {
        List<Xattr> attributes = [];
        foreach (byte[] attribute in parent.ListXattrs(name))
        {
            string text = System.Text.Encoding.UTF8.GetString(attribute);
            if (!text.StartsWith("trusted.", StringComparison.Ordinal) && !text.Contains(".overlay.", StringComparison.Ordinal)
                && text != "system.posix_acl_access" && text != "system.posix_acl_default" && parent.GetXattr(name, attribute) is { } value)
            {
                attributes.Add(new Xattr(text, value));
            }
        }

        return attributes;
    }

    /// <summary>The size that was announced must come, whatever becomes of the file.</summary>
    private void WriteFile(DirectoryHandle parent, byte[] name, TarEntry entry)
    {
        using SafeFileHandle file = parent.OpenFile(name);
        archive.Write(entry);
        byte[] buffer = new byte[256 << 10];
        for (long position = 0; position < entry.Size;)
        {
            int wanted = (int)Math.Min(buffer.Length, entry.Size - position);
            int count = RandomAccess.Read(file, buffer.AsSpan(0, wanted), position);
            if (count == 0)
            {
                buffer.AsSpan(0, wanted).Clear();
                count = wanted;
            }

            archive.WriteContent(buffer.AsSpan(0, count));
            position += count;
        }
    }
}

/// <summary>Files of the machine as a tar, for <see cref="Containers.WriteFilesAsync"/>.</summary>
public static class FileTar
{
    /// <summary>
    /// Writes <paramref name="name"/> of <paramref name="parent"/> and what is below it, called <paramref name="shown"/>; null:
    /// only what is in it.
    /// </summary>
    public static void Write(DirectoryHandle parent, byte[] name, string? shown, Stream output, CancellationToken cancellationToken)
    {
        TarWriter archive = new(output);
        TreeTar tree = new(archive);
        if (shown is null)
        {
            tree.WriteContent(parent, name, default, cancellationToken);
        }
        else
        {
            tree.Write(parent, name, new LinuxPath(shown), cancellationToken);
        }

        archive.Finish();
    }
}
