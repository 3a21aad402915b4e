using System.Collections.Immutable;
using System.Text;
using Mica.Linux;

namespace Mica.Layers;

/// <summary>
/// Owner, attributes, mode and times of what was created, in the only order that keeps them all: chown(2) clears setuid and
/// capabilities, a mode may forbid its owner to set attributes, and everything changes times.
/// </summary>
internal sealed class FileMetadata(LayerApplyOptions options)
{
    private const uint SpecialBits = 0xc00; // setuid, setgid: chown(2) clears them
    private const uint OwnerReadWrite = 0x180; // 0600

    private readonly uint _uid = LinuxUser.EffectiveUserId;
    private readonly uint _gid = LinuxUser.EffectiveGroupId;
    private readonly string _reserved = options.WhiteoutForm == WhiteoutForm.Trusted ? "trusted.overlay." : "user.overlay.";
    private bool _inheritsAcl;
    private long _skippedXattrs;
    private string? _firstSkipped;

    /// <summary>Modes do not bind this process.</summary>
    public bool IsPrivileged => _uid == 0;

    public static FileTime ModificationTime(TarEntry entry) => ToFileTime(entry.ModificationTime);

    /// <summary>The mode to create a file with: what it lacks of the entry's is set when everything else is.</summary>
    public uint CreationMode(TarEntry entry) =>
        ((uint)entry.Mode & 0x3ff) | (!IsPrivileged && entry.Xattrs.Count > 0 ? OwnerReadWrite : 0);

    public void SetFile(NewFile file, TarEntry entry, uint creationMode)
    {
        if (MustChangeOwner(entry))
        {
            Check(file.TrySetOwner(entry.Uid, entry.Gid), $"chown to {entry.Uid}:{entry.Gid}");
        }

        if (_inheritsAcl)
        {
            file.TryRemoveXattr("system.posix_acl_access"u8);
        }

        foreach (Xattr xattr in entry.Xattrs)
        {
            if (Rename(xattr.Name) is { } name)
            {
                Note(file.TrySetXattr(Encoding.UTF8.GetBytes(name), xattr.Value), entry, xattr.Name);
            }
        }

        if ((uint)entry.Mode != creationMode || (entry.Mode & SpecialBits) != 0 || _inheritsAcl)
        {
            Check(file.TrySetMode((uint)entry.Mode), "chmod");
        }

        Check(file.TrySetTimes(AccessTime(entry), ModificationTime(entry)), "utimens");
    }

    /// <summary>A directory's mode and times are put right when it is closed; until then it has <paramref name="workingMode"/>.</summary>
    public void SetDirectory(OpenDirectory directory, TarEntry entry, uint workingMode, bool isNew)
    {
        if (isNew ? MustChangeOwner(entry) : options.PreserveOwnership)
        {
            directory.Handle.SetOwner(entry.Uid, entry.Gid);
        }

        RemoveInheritedAcl(directory.Handle, isNew);
        foreach (Xattr xattr in entry.Xattrs)
        {
            if (Rename(xattr.Name) is { } name)
            {
                _inheritsAcl |= name == "system.posix_acl_default";
                Note(directory.Handle.TrySetXattr(Encoding.UTF8.GetBytes(name), xattr.Value), entry, xattr.Name);
            }
        }

        if (!isNew || _inheritsAcl)
        {
            directory.Handle.SetMode(workingMode);
        }

        if (!isNew || workingMode != (uint)entry.Mode || entry.Xattrs.Count > 0)
        {
            directory.KeepMode((uint)entry.Mode);
        }

        directory.KeepTimes(AccessTime(entry), ModificationTime(entry));
    }

    public void SetImpliedDirectory(OpenDirectory directory, uint mode, uint workingMode, FileTime time)
    {
        RemoveInheritedAcl(directory.Handle, isNew: true);
        if (mode != workingMode || _inheritsAcl)
        {
            directory.KeepMode(mode);
        }

        directory.KeepTimes(time, time);
    }

    /// <summary>Of a link, device or fifo.</summary>
    public void SetNode(DirectoryHandle directory, ReadOnlySpan<byte> name, TarEntry entry)
    {
        if (MustChangeOwner(entry))
        {
            directory.SetOwner(name, entry.Uid, entry.Gid);
        }

        if (_inheritsAcl && entry.Kind != TarEntryKind.SymbolicLink)
        {
            directory.TryRemoveXattr(name, "system.posix_acl_access"u8);
        }

        foreach (Xattr xattr in entry.Xattrs)
        {
            if (Rename(xattr.Name) is { } attribute)
            {
                Note(directory.TrySetXattr(name, Encoding.UTF8.GetBytes(attribute), xattr.Value), entry, xattr.Name);
            }
        }

        if (entry.Kind != TarEntryKind.SymbolicLink && ((entry.Mode & 0xe00) != 0 || _inheritsAcl))
        {
            directory.SetMode(name, (uint)entry.Mode);
        }

        directory.SetTimes(name, AccessTime(entry), ModificationTime(entry));
    }

    public void AddNotices(ImmutableArray<string>.Builder notices)
    {
        if (_skippedXattrs > 0)
        {
            notices.Add($"{_skippedXattrs} extended attributes could not be set, the first of them {_firstSkipped}");
        }
    }

    private bool MustChangeOwner(TarEntry entry) => options.PreserveOwnership && (entry.Uid != _uid || entry.Gid != _gid);

    /// <summary>
    /// Under which name an attribute is kept; null for one that means the host's own business. What a container calls
    /// <c>trusted.overlay.x</c> would be an order to overlayfs here, such as a redirect to another directory; overlayfs has an
    /// escaped form for it.
    /// </summary>
    private string? Rename(string name)
    {
        if (name is "security.selinux" or "system.nfs4_acl")
        {
            return null;
        }

        return name.StartsWith(_reserved, StringComparison.Ordinal) ? $"{_reserved}overlay.{name[_reserved.Length..]}" : name;
    }

    private void Note(Errno errno, TarEntry entry, string name)
    {
        if (errno is Errno.None)
        {
            return;
        }

        string problem = $"{Oci.Printable.Of(name)} of {entry.Path}: {LinuxException.Describe(errno)}";
        if (errno is not (Errno.EOPNOTSUPP or Errno.EPERM))
        {
            throw new LinuxException($"setxattr {Oci.Printable.Of(name)}", [], errno);
        }

        _firstSkipped ??= problem;
        _skippedXattrs++;
    }

    /// <summary>A default ACL that the layer gives a directory is for what the container makes there, not for what the layer has there.</summary>
    private void RemoveInheritedAcl(DirectoryHandle directory, bool isNew)
    {
        if (_inheritsAcl && isNew)
        {
            directory.TryRemoveXattr("system.posix_acl_access"u8);
            directory.TryRemoveXattr("system.posix_acl_default"u8);
        }
    }

    /// <summary>An archive without access times says at least that much: not before the last change.</summary>
    private static FileTime AccessTime(TarEntry entry) => ToFileTime(entry.AccessTime ?? entry.ModificationTime);

    private static FileTime ToFileTime(UnixTime time) => new(time.Seconds, time.Nanoseconds);

    private static void Check(Errno errno, string operation)
    {
        if (errno != Errno.None)
        {
            throw new LinuxException(operation, [], errno);
        }
    }
}
