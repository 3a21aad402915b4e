using System.Collections.Immutable;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>One <see cref="LayerApplier.Apply"/>. Owns the directory.</summary>
internal sealed class LayerApplication : IDisposable
{
    private const int MaxPathLength = 4096;
    private const long MaxImpliedBytes = 4 << 20;
    private const uint ImpliedMode = 0x1ed; // 0755

    private readonly LayerApplyOptions _options;
    private readonly OpenDirectories _directories;
    private readonly FileMetadata _metadata;
    private readonly HashSet<LinuxPath> _implied = [];
    private readonly byte[] _opaque;
    private readonly byte[] _pathBuffer = new byte[MaxPathLength + 1];
    private readonly byte[] _targetBuffer = new byte[MaxPathLength + 1];
    private FileTime _entryTime;
    private long _entries;
    private long _directoriesImplied;
    private long _impliedBytes;
    private long _contentBytes;
    private long _writtenBytes;
    private long _skippedDevices;
    private bool _hidesLowerLayers;

    public LayerApplication(DirectoryHandle root, LayerApplyOptions options)
    {
        _options = options;
        _metadata = new FileMetadata(options);
        _directories = new OpenDirectories(root, _metadata.IsPrivileged, CreateImplied);
        _opaque = OverlayAttributes.Opaque(options.WhiteoutForm);
    }

    public AppliedLayer Run(TarReader archive, CancellationToken cancellationToken)
    {
        PrepareRoot();
        while (archive.ReadNext() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _entryTime = FileMetadata.ModificationTime(entry);
            try
            {
                if (_entries++ == 0)
                {
                    _directories.Root.KeepTimes(_entryTime, _entryTime);
                }

                CheckEntries();
                Apply(archive, entry, cancellationToken);
            }
            catch (LinuxException failure)
            {
                throw LayerErrors.Of(entry.Path, failure.Message, failure.Errno);
            }
        }

        _directories.Finish();
        return new AppliedLayer
        {
            ContentBytes = _contentBytes,
            Entries = _entries,
            ImpliedDirectories = [.. _implied],
            HidesLowerLayers = _hidesLowerLayers,
            Notices = Notices(),
        };
    }

    public void Dispose() => _directories.Dispose();

    /// <summary>The directory may have inherited a group, setgid and a default ACL from where it was made; the layer must not.</summary>
    private void PrepareRoot()
    {
        OpenDirectory root = _directories.Root;
        root.Handle.TryRemoveXattr("system.posix_acl_default"u8);
        root.Handle.TryRemoveXattr("system.posix_acl_access"u8);
        if (_options.PreserveOwnership)
        {
            root.Handle.SetOwner(LinuxUser.EffectiveUserId, LinuxUser.EffectiveGroupId);
        }

        root.Handle.SetMode(_directories.WorkingMode(ImpliedMode));
        root.KeepMode(ImpliedMode);
        root.KeepTimes(default(FileTime), default);
        _implied.Add(default);
    }

    private void Apply(TarReader archive, TarEntry entry, CancellationToken cancellationToken)
    {
        ReadOnlySpan<byte> path = EntryPath.Normalize(entry.Path, _pathBuffer);
        ReadOnlySpan<byte> parent = EntryPath.Split(path, out ReadOnlySpan<byte> name);
        switch (EntryPath.Classify(path))
        {
            case EntryMeaning.AufsMetadata:
                break;
            case EntryMeaning.Opaque:
                OpenDirectory hiding = _directories.Find(parent, create: true)!;
                MakeOpaque(hiding);
                _hidesLowerLayers |= hiding == _directories.Root;
                break;
            case EntryMeaning.Whiteout:
                ApplyWhiteout(_directories.Find(parent, create: true)!, name[EntryPath.WhiteoutPrefix.Length..]);
                break;
            case EntryMeaning.Itself when path.IsEmpty:
                ApplyRoot(entry);
                break;
            default:
                OpenDirectory directory = _directories.Find(parent, create: true)!;
                directory.IsPinned = true;
                directory.Touch();
                Create(archive, entry, directory, name, cancellationToken);
                directory.IsPinned = false;
                break;
        }
    }

    private void Create(
        TarReader archive, TarEntry entry, OpenDirectory directory, ReadOnlySpan<byte> name, CancellationToken cancellationToken)
    {
        switch (entry.Kind)
        {
            case TarEntryKind.File:
                ApplyFile(archive, entry, directory, name, cancellationToken);
                break;
            case TarEntryKind.Directory:
                ApplyDirectory(entry, directory, name);
                break;
            case TarEntryKind.SymbolicLink:
                ApplySymbolicLink(entry, directory, name);
                break;
            case TarEntryKind.HardLink:
                ApplyHardLink(entry, directory, name);
                break;
            default:
                ApplyNode(entry, directory, name);
                break;
        }
    }

    private void ApplyRoot(TarEntry entry)
    {
        if (entry.Kind != TarEntryKind.Directory)
        {
            throw LayerErrors.Malformed(entry.Path, "the layer's root can only be a directory");
        }

        _metadata.SetDirectory(_directories.Root, entry, _directories.WorkingMode((uint)entry.Mode), isNew: false);
        _implied.Remove(default);
    }

    private void ApplyFile(
        TarReader archive, TarEntry entry, OpenDirectory directory, ReadOnlySpan<byte> name, CancellationToken cancellationToken)
    {
        _writtenBytes += entry.Size;
        if (_writtenBytes > _options.MaxUnpackedBytes || _writtenBytes < 0)
        {
            throw LayerErrors.TooLarge(_options.MaxUnpackedBytes);
        }

        uint mode = _metadata.CreationMode(entry);
        Errno errno = directory.Handle.TryCreateFile(name, mode, out NewFile file);
        if (errno == Errno.EEXIST)
        {
            Remove(directory, name);
            errno = directory.Handle.TryCreateFile(name, mode, out file);
        }

        Check(errno, "create");
        using (file)
        {
            WriteContent(archive, entry, file, cancellationToken);
            _metadata.SetFile(file, entry, mode);
        }

        _contentBytes += entry.Size;
    }

    private static void WriteContent(TarReader archive, TarEntry entry, NewFile file, CancellationToken cancellationToken)
    {
        long end = 0;
        while (archive.TryReadContent(out ReadOnlySpan<byte> piece, out long offset))
        {
            Check(entry.Segments is null ? file.TryWrite(piece) : file.TryWrite(piece, offset), "write");
            end = offset + piece.Length;
            cancellationToken.ThrowIfCancellationRequested();
        }

        if (end < entry.Size)
        {
            Check(file.TrySetLength(entry.Size), "write");
        }
    }

    private void ApplyDirectory(TarEntry entry, OpenDirectory parent, ReadOnlySpan<byte> name)
    {
        uint mode = _directories.WorkingMode((uint)entry.Mode);
        Errno errno = parent.Handle.TryMakeDirectory(name, mode);
        bool replaces = false;
        if (errno == Errno.EEXIST)
        {
            if (parent.Handle.GetStatus(name).Kind == FileKind.Directory)
            {
                Check(_directories.TryOpen(parent, name, out OpenDirectory? existing), "open");
                _metadata.SetDirectory(existing!, entry, mode, isNew: false);
                _implied.Remove(new LinuxPath(existing!.Path));
                return;
            }

            // What a lower layer has in a directory of this name was hidden by the thing that is replaced.
            Remove(parent, name);
            replaces = true;
            errno = parent.Handle.TryMakeDirectory(name, mode);
        }

        Check(errno, "mkdir");
        OpenDirectory directory = _directories.OpenNew(parent, name);
        _metadata.SetDirectory(directory, entry, mode, isNew: true);
        if (replaces)
        {
            MakeOpaque(directory);
        }
    }

    private void CreateImplied(OpenDirectory parent, byte[] name, bool replacesWhiteout)
    {
        parent.Touch();
        if (replacesWhiteout)
        {
            Check(parent.Handle.TryRemoveFile(name), "replace");
        }

        uint mode = _directories.WorkingMode(ImpliedMode);
        Check(parent.Handle.TryMakeDirectory(name, mode), "mkdir");
        OpenDirectory directory = _directories.OpenNew(parent, name);
        _metadata.SetImpliedDirectory(directory, ImpliedMode, mode, _entryTime);
        if (replacesWhiteout)
        {
            MakeOpaque(directory);
        }

        _directoriesImplied++;
        CheckEntries();
        _impliedBytes += directory.Path.Length;
        if (_impliedBytes <= MaxImpliedBytes)
        {
            _implied.Add(new LinuxPath(directory.Path));
        }
    }

    private void ApplySymbolicLink(TarEntry entry, OpenDirectory directory, ReadOnlySpan<byte> name)
    {
        Errno errno = directory.Handle.TryMakeSymbolicLink(name, entry.LinkTarget.Bytes);
        if (errno == Errno.EEXIST)
        {
            Remove(directory, name);
            errno = directory.Handle.TryMakeSymbolicLink(name, entry.LinkTarget.Bytes);
        }

        Check(errno, "symlink");
        _metadata.SetNode(directory.Handle, name, entry);
    }

    private void ApplyHardLink(TarEntry entry, OpenDirectory directory, ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> target = EntryPath.Normalize(entry.LinkTarget, _targetBuffer);
        ReadOnlySpan<byte> targetParent = EntryPath.Split(target, out ReadOnlySpan<byte> targetName);
        OpenDirectory? from = target.IsEmpty ? null : _directories.Find(targetParent, create: false);
        FileStatus status = default;
        if (from is null || from.Handle.TryGetStatus(targetName, out status) != Errno.None || status.IsWhiteout)
        {
            throw LayerErrors.Malformed(entry.Path, $"its hard link target {entry.LinkTarget} is not in the same layer before it");
        }

        if (status.Kind == FileKind.Directory)
        {
            throw LayerErrors.Malformed(entry.Path, $"its hard link target {entry.LinkTarget} is a directory");
        }

        Errno errno = from.Handle.TryLink(targetName, directory.Handle, name);
        if (errno == Errno.EEXIST)
        {
            if (directory.Handle.GetStatus(name).Identity == status.Identity)
            {
                return;
            }

            bool wasPinned = from.IsPinned;
            from.IsPinned = true;
            Remove(directory, name);
            from.IsPinned = wasPinned;
            errno = from.Handle.TryLink(targetName, directory.Handle, name);
        }

        Check(errno, "link");
    }

    private void ApplyNode(TarEntry entry, OpenDirectory directory, ReadOnlySpan<byte> name)
    {
        FileKind kind = entry.Kind switch
        {
            TarEntryKind.CharacterDevice => FileKind.CharacterDevice,
            TarEntryKind.BlockDevice => FileKind.BlockDevice,
            _ => FileKind.Fifo,
        };
        uint mode = (uint)entry.Mode & 0x1ff;
        Errno errno = directory.Handle.TryMakeNode(name, kind, mode, (uint)entry.DeviceMajor, (uint)entry.DeviceMinor);
        if (errno == Errno.EEXIST)
        {
            Remove(directory, name);
            errno = directory.Handle.TryMakeNode(name, kind, mode, (uint)entry.DeviceMajor, (uint)entry.DeviceMinor);
        }

        if (errno == Errno.EPERM && kind != FileKind.Fifo)
        {
            _skippedDevices++;
            return;
        }

        Check(errno, "mknod");
        _metadata.SetNode(directory.Handle, name, entry);
    }

    private void ApplyWhiteout(OpenDirectory directory, ReadOnlySpan<byte> name)
    {
        directory.Touch();
        Errno errno = directory.Handle.TryMakeNode(name, FileKind.CharacterDevice, 0, 0, 0);
        if (errno != Errno.EEXIST)
        {
            Check(errno, "whiteout");
        }
        else if (_directories.TryOpen(directory, name, out OpenDirectory? existing) == Errno.None)
        {
            MakeOpaque(existing!);
        }
    }

    private void MakeOpaque(OpenDirectory directory) => Check(directory.Handle.TrySetXattr(_opaque, "y"u8), "setxattr opaque");

    /// <summary>Makes way in <paramref name="directory"/>, which is pinned.</summary>
    private void Remove(OpenDirectory directory, ReadOnlySpan<byte> name)
    {
        FileStatus status = directory.Handle.GetStatus(name);
        if (status.Kind == FileKind.Directory)
        {
            _directories.CloseAll();
        }
        else if (status.Kind == FileKind.SymbolicLink)
        {
            _directories.ForgetLinks();
        }

        _contentBytes -= directory.Handle.RemoveTree(name).Bytes;
    }

    private void CheckEntries()
    {
        if (_entries + _directoriesImplied > _options.MaxEntries)
        {
            throw new MicaException(ErrorKind.Failed, $"the layer has more than {_options.MaxEntries} entries, which is the limit");
        }
    }

    private ImmutableArray<string> Notices()
    {
        var notices = ImmutableArray.CreateBuilder<string>();
        if (_skippedDevices > 0)
        {
            notices.Add($"{_skippedDevices} device nodes were left out: making them needs a privilege");
        }

        if (_impliedBytes > MaxImpliedBytes)
        {
            notices.Add($"the layer has no entries for {_directoriesImplied} of its directories; not all of them are known by name");
        }

        _metadata.AddNotices(notices);
        return notices.DrainToImmutable();
    }

    private static void Check(Errno errno, string operation)
    {
        if (errno != Errno.None)
        {
            throw new LinuxException(operation, [], errno);
        }
    }
}
