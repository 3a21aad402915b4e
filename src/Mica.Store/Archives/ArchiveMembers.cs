using System.Text;
using Mica.Layers;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>Where the content of one member lies in the archive's file.</summary>
internal readonly record struct ArchiveMember(long Offset, long Length);

/// <summary>
/// The members of an uncompressed tar by name, found in one pass over its headers and then read by position. Names from the
/// archive are keys of a table and nothing else: they never reach the file system. Links lead from member to member.
/// </summary>
internal sealed class ArchiveMembers
{
    private const int MaxMembers = 100_000;

    /// <summary>Docker's archives have links to files; more hops than this are a loop.</summary>
    private const int MaxHops = 8;

    private readonly SafeFileHandle _file;
    private readonly string _displayName;
    private readonly Dictionary<string, Node> _nodes = new(StringComparer.Ordinal);

    private ArchiveMembers(SafeFileHandle file, string displayName)
    {
        _file = file;
        _displayName = displayName;
    }

    private enum Kind
    {
        File,
        SparseFile,
        Link,
    }

    /// <summary>Reads the headers of the whole archive.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: not a tar, truncated, or too many members.</exception>
    public static ArchiveMembers Read(SafeFileHandle file, string displayName, CancellationToken cancellationToken)
    {
        var members = new ArchiveMembers(file, displayName);
        using var stream = new FileStream(ArchiveFile.Borrow(file), FileAccess.Read, bufferSize: 0);
        stream.Position = 0;
        var reader = new TarReader(stream);
        int count = 0;
        try
        {
            while (reader.ReadNext() is { } entry)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (++count > MaxMembers)
                {
                    throw new MicaException(ErrorKind.ContentMismatch, $"the archive has more than {MaxMembers} members");
                }

                members.Add(entry, reader.Position);
            }
        }
        catch (MicaException error)
        {
            throw new MicaException(error.Kind, $"{displayName}: {(count == 0 ? "not an archive of images: " : "")}{error.Message}", error);
        }

        return members;
    }

    /// <summary>The file of that name, through links; null when there is none.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: a link leads out of the archive, or in a circle.</exception>
    public ArchiveMember? Find(string name) => Follow(name)?.Member;

    /// <summary>
    /// The bytes of a small file, or null when there is none. A document that is there twice is refused: tools do not agree on
    /// which of them counts.
    /// </summary>
    public byte[]? ReadDocument(string name)
    {
        if (Follow(name) is not { } node)
        {
            return null;
        }

        if (node.Again)
        {
            throw Mismatch($"{Printable.Of(name)} is in the archive more than once");
        }

        if (node.Member.Length > ManifestDocument.MaxSize)
        {
            throw Mismatch($"{Printable.Of(name)} has {node.Member.Length} bytes; a document may have {ManifestDocument.MaxSize}");
        }

        byte[] content = new byte[node.Member.Length];
        using FileSection section = Open(node.Member, 0, name);
        section.ReadExactly(content);
        return content;
    }

    /// <summary>The first bytes of a member, up to <paramref name="count"/>.</summary>
    public byte[] Head(ArchiveMember member, int count)
    {
        byte[] head = new byte[Math.Min(count, member.Length)];
        using FileSection section = Open(member, 0, "content");
        section.ReadExactly(head);
        return head;
    }

    /// <summary>Opens a member at <paramref name="offset"/>. The stream must not outlive the archive.</summary>
    public FileSection Open(ArchiveMember member, long offset, string subject) =>
        new(_file, member.Offset + offset, member.Length - offset, owned: false, $"{_displayName}: {Printable.Of(subject)}");

    private void Add(TarEntry entry, long position)
    {
        if (Normalize(entry.Path) is not { } name)
        {
            // Nothing of an image can have such a name, so nothing will ask for it.
            return;
        }

        Node? node = entry.Kind switch
        {
            TarEntryKind.File => new Node(entry.Segments is null ? Kind.File : Kind.SparseFile, new ArchiveMember(position, entry.Size), null),
            TarEntryKind.HardLink => new Node(Kind.Link, default, Normalize(entry.LinkTarget)),
            TarEntryKind.SymbolicLink => new Node(Kind.Link, default, Resolve(name, entry.LinkTarget)),
            _ => null,
        };
        if (node is not null)
        {
            // The last one of a name counts, as when the archive is extracted.
            _nodes[name] = node with { Again = _nodes.ContainsKey(name) };
        }
    }

    private Node? Follow(string name)
    {
        if (Normalize(name) is not { } current)
        {
            throw Mismatch($"{Printable.Of(name)} is not the name of a member");
        }

        for (int hop = 0; hop <= MaxHops; hop++)
        {
            if (!_nodes.TryGetValue(current, out Node? node))
            {
                return null;
            }

            if (node.Kind == Kind.SparseFile)
            {
                throw new MicaException(ErrorKind.Unsupported, $"{_displayName}: {Printable.Of(name)} is a sparse file, which is not supported in an archive of images");
            }

            if (node.Kind == Kind.File)
            {
                return node;
            }

            current = node.Target ?? throw Mismatch($"{Printable.Of(name)} is a link that leads out of the archive");
        }

        throw Mismatch($"{Printable.Of(name)} is a link in a circle");
    }

    private MicaException Mismatch(string problem) => new(ErrorKind.ContentMismatch, $"{_displayName}: {problem}");

    private static string? Resolve(string link, LinuxPath target)
    {
        if (Text(target) is not { } text || text.StartsWith('/'))
        {
            return null;
        }

        int slash = link.LastIndexOf('/');
        var parts = new List<string>(slash < 0 ? [] : link[..slash].Split('/'));
        foreach (string part in text.Split('/'))
        {
            if (part == "..")
            {
                if (parts.Count == 0)
                {
                    return null;
                }

                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("" or "."))
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    private static string? Normalize(LinuxPath path) => Text(path) is { } text ? Normalize(text) : null;

    /// <summary>The name without <c>./</c>, empty and trailing parts; null for one that is absolute or has <c>..</c> in it.</summary>
    private static string? Normalize(string name)
    {
        if (name.StartsWith('/'))
        {
            return null;
        }

        string[] parts = [.. name.Split('/').Where(part => part is not ("" or "."))];
        return parts.Length == 0 || parts.Contains("..") ? null : string.Join('/', parts);
    }

    private static string? Text(LinuxPath path) =>
        System.Text.Unicode.Utf8.IsValid(path.Bytes) ? Encoding.UTF8.GetString(path.Bytes) : null;

    /// <summary>What a name stands for. <see cref="Again"/>: it was there before.</summary>
    private sealed record Node(Kind Kind, ArchiveMember Member, string? Target)
    {
        public bool Again { get; init; }
    }
}
