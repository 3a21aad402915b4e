using System.Text;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>COPY, and ADD of local files: takes files of a tree, or of the Dockerfile itself, into a layer.</summary>
internal sealed class CopyStep(FileTransfer transfer, ISourceTree source, string workingDirectory, bool unpacksArchives, bool portableModes)
{
    private const int BufferSize = 256 << 10;

    private readonly PatternList _excluded = PatternList.Of(transfer.Exclude);
    private readonly SymbolicMode? _mode = transfer.Mode is null ? null : SymbolicMode.Parse(transfer.Mode);
    private readonly List<SourcePath> _found = [];
    private readonly SourceFingerprint _described = new();
    private readonly Dictionary<FileIdentity, LinuxPath> _links = [];
    private readonly SourceFingerprint _written = new();
    private readonly byte[] _buffer = new byte[BufferSize];
    private readonly string _target = TargetOf(transfer, workingDirectory);
    private readonly bool _portableModes = portableModes && source.IsOwnedByRoot;

    /// <summary>Describes what is done with the sources, and what is known of them without a look at them.</summary>
    public static void Define(StepInputs inputs, FileTransfer transfer, string workingDirectory, bool unpacksArchives)
    {
        inputs.Add("destination", TargetOf(transfer, workingDirectory));
        inputs.Add("--chown", transfer.Owner ?? "");
        inputs.Add("--chmod", transfer.Mode ?? "");
        inputs.Add("--exclude", string.Join('\0', transfer.Exclude));
        inputs.Add("options", $"{(transfer.Parents ? "parents " : "")}{(unpacksArchives ? "unpack " : "")}{(transfer.Link ? "link" : "")}");
        foreach (TransferSource one in transfer.Sources)
        {
            if (one is InlineSource inline)
            {
                inputs.Add($"content of {inline.File.Name}", Digest.Of(Encoding.UTF8.GetBytes(inline.File.Content)).Hex);
            }
            else
            {
                inputs.Add("source", ((PathSource)one).Path);
            }
        }
    }

    /// <summary>Finds the sources and describes them.</summary>
    public void Describe(StepInputs inputs, CancellationToken cancellationToken)
    {
        foreach (PathSource one in transfer.Sources.OfType<PathSource>())
        {
            var digest = new SourceDigest(source, _excluded, transfer.Mode is null, transfer.Owner is null, _portableModes, _described);
            foreach (SourcePath path in SourcePaths.Find(source, one.Path, transfer.Parents))
            {
                LinuxPath name = path.Kept ?? path.Name;
                if (SourceWalk.IsWanted(_excluded, name.Bytes, path.Status.Kind == FileKind.Directory))
                {
                    _found.Add(path);
                    digest.Add(path.Path, name, path.Status, cancellationToken);
                }
            }

            digest.WriteTo(inputs);
        }
    }

    /// <summary>Writes the layer. <paramref name="below"/> is what it lies on; null for a layer that depends on none.</summary>
    public void Write(TarWriter archive, LayerStack? below, UnixTime now, CancellationToken cancellationToken)
    {
        StackTree? tree = below is null ? null : new StackTree(below, "the image");
        (uint Uid, uint Gid)? owner = transfer.Owner is { } text ? Ownership.Owner(tree, text) : null;
        var layer = new LayerArchive(archive, below, now, owner?.Uid ?? 0, owner?.Gid ?? 0);
        var wanted = new LinuxPath(GlobPath.Clean(_target)[1..]);
        LinuxPath target = below?.Resolve(wanted) ?? wanted;
        bool isDirectory = _target.EndsWith('/') || transfer.Destination is "." or ".." || transfer.Destination.EndsWith("/.", StringComparison.Ordinal)
            || transfer.Parents || below?.Find(target) is { Kind: FileKind.Directory } || target.IsEmpty;
        if (!isDirectory && (_found.Count > 1 || transfer.Sources.Length > 1))
        {
            isDirectory = true;
        }

        if (isDirectory && below?.Find(target) is { Kind: not FileKind.Directory } && !target.IsEmpty)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"cannot copy to non-directory: /{target}");
        }

        foreach (SourcePath path in _found)
        {
            _links.Clear(); // each source is copied by itself
            LinuxPath place = path.Kept is { } kept ? target.Append(kept.Bytes) : target;
            if (path.Status.Kind == FileKind.Directory)
            {
                if (!isDirectory && below?.Find(place) is { } there && there.Kind != FileKind.Directory)
                {
                    throw new MicaException(ErrorKind.InvalidArgument, $"cannot copy to non-directory: /{place}");
                }

                WriteDirectory(layer, path, place, owner, cancellationToken);
            }
            else
            {
                place = path.Kept is not null ? place : isDirectory ? target.Append(path.Name.Bytes) : target;
                using ISourceDirectory directory = source.OpenDirectory(path.Path.Parent);
                SourceEntry file = path.Entry;
                _written.Add(file);
                if (!unpacksArchives || path.Status.Kind != FileKind.File || !TryUnpack(layer, directory, file, target, owner, cancellationToken))
                {
                    WriteEntry(layer, directory, file, path.Path, place, owner);
                }
            }
        }

        if (_written.Value != _described.Value)
        {
            throw Changed("files");
        }

        foreach (InlineSource inline in transfer.Sources.OfType<InlineSource>())
        {
            LinuxPath place = isDirectory ? target.Append(Encoding.UTF8.GetBytes(inline.File.Name)) : target;
            byte[] content = Encoding.UTF8.GetBytes(inline.File.Content);
            layer.Parents(place);
            layer.Archive.Write(new TarEntry
            {
                Kind = TarEntryKind.File,
                Path = place,
                Mode = (int)(_mode?.Apply(0x1a4, false) ?? 0x1a4),
                Uid = owner?.Uid ?? 0,
                Gid = owner?.Gid ?? 0,
                Size = content.Length,
                ModificationTime = now,
            }, content);
        }
    }

    /// <summary>Absolute, and with its slash at the end if it has one.</summary>
    private static string TargetOf(FileTransfer transfer, string workingDirectory) =>
        transfer.Destination.StartsWith('/') ? transfer.Destination : $"{workingDirectory.TrimEnd('/')}/{transfer.Destination}";

    private void WriteDirectory(LayerArchive layer, SourcePath from, LinuxPath place, (uint Uid, uint Gid)? owner, CancellationToken cancellationToken)
    {
        using (ISourceDirectory? holder = from.Path.IsEmpty ? null : source.OpenDirectory(from.Path.Parent))
        {
            SourceEntry itself = from.Entry;
            _written.Add(itself);
            layer.NewDirectory(Entry(holder, itself, from.Path, place, owner), place);
        }

        new SourceWalk(_excluded, (ISourceDirectory directory, in SourceEntry entry, ReadOnlySpan<byte> below) =>
        {
            _written.Add(entry);
            LinuxPath path = from.Path.Append(below), childPlace = place.Append(below);
            if (entry.Status.Kind == FileKind.Directory)
            {
                layer.NewDirectory(Entry(directory, entry, path, childPlace, owner), childPlace);
            }
            else
            {
                WriteEntry(layer, directory, entry, path, childPlace, owner);
            }
        }, cancellationToken).Run(source, from.Path);
    }

    private void WriteEntry(LayerArchive layer, ISourceDirectory directory, in SourceEntry file, LinuxPath path, LinuxPath place, (uint Uid, uint Gid)? owner)
    {
        TarEntry entry = Entry(directory, file, path, place, owner);
        layer.Parents(place);
        if (entry.Kind == TarEntryKind.File && file.Status.LinkCount > 1 && !source.IsOwnedByRoot && !_links.TryAdd(file.Status.Identity, place))
        {
            layer.Archive.Write(entry with { Kind = TarEntryKind.HardLink, LinkTarget = _links[file.Status.Identity], Size = 0, Xattrs = [] });
            return;
        }

        layer.Archive.Write(entry.Kind == TarEntryKind.SymbolicLink ? entry with { LinkTarget = new LinuxPath(directory.ReadSymbolicLink(file.Name)) } : entry);
        if (entry.Kind == TarEntryKind.File)
        {
            WriteContent(layer.Archive, directory, file, path);
        }
    }

    private void WriteContent(TarWriter archive, ISourceDirectory directory, in SourceEntry entry, LinuxPath path)
    {
        long size = entry.Status.Size;
        using SafeFileHandle file = directory.OpenFile(entry.Name);
        long position = 0;
        for (int count; position < size && (count = RandomAccess.Read(file, _buffer.AsSpan(0, (int)Math.Min(BufferSize, size - position)), position)) > 0; position += count)
        {
            archive.WriteContent(_buffer.AsSpan(0, count));
        }

        if (position < size || !directory.IsUnchanged(entry))
        {
            throw Changed($"/{path}");
        }
    }

    private TarEntry Entry(ISourceDirectory? directory, in SourceEntry file, LinuxPath path, LinuxPath place, (uint Uid, uint Gid)? owner)
    {
        FileStatus status = file.Status;
        TarEntry entry = TarEntry.Of(status, place, directory?.Xattrs(file.Name) ?? [])
            ?? throw new MicaException(ErrorKind.Unsupported, $"/{path}: a socket cannot be copied");
        uint mode = CopySources.Mode(status, _portableModes);
        return entry with
        {
            Mode = (int)(entry.Kind == TarEntryKind.SymbolicLink ? 0x1ff : _mode?.Apply(mode, entry.Kind == TarEntryKind.Directory) ?? mode),
            Uid = owner?.Uid ?? (source.IsOwnedByRoot ? 0 : status.Uid),
            Gid = owner?.Gid ?? (source.IsOwnedByRoot ? 0 : status.Gid),
        };
    }

    private static bool TryUnpack(
        LayerArchive layer, ISourceDirectory directory, in SourceEntry entry, LinuxPath target, (uint Uid, uint Gid)? owner, CancellationToken cancellationToken)
    {
        using SafeFileHandle handle = directory.OpenFile(entry.Name);
        using var file = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        return AddedArchive.TryUnpack(file, layer, target, owner, cancellationToken);
    }

    private MicaException Changed(string what) => SourceErrors.Changed(what, source.DisplayName);
}
