using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Build;

/// <summary>The directory of a <c>--mount=type=cache</c>, which stays from build to build.</summary>
internal sealed class CacheDirectory(BuildRun run, CacheMount cache, string target, StepSource? source)
{
    private const uint UsualMode = 0x1ed; // 0755

    /// <summary>
    /// The directory, which begins as a copy of what the mount names as its source. One that is not shared stays locked until the
    /// lock, added to <paramref name="locks"/>, is disposed.
    /// </summary>
    public async Task<string> OpenAsync(List<FileLock> locks, CancellationToken cancellationToken)
    {
        string directory = Path.Join(Directory.CreateDirectory(Path.Join(run.Store.BuildDirectory, "caches")).FullName, Name());
        if (cache.Sharing != CacheSharing.Shared)
        {
            directory = await LockAsync(directory, locks, cancellationToken);
        }

        if (!Directory.Exists(directory))
        {
            string made = await MakeAsync(cancellationToken);
            try
            {
                Directory.Move(made, directory);
            }
            catch (IOException) when (Directory.Exists(directory))
            {
                // Another step that shares it was quicker.
            }
        }

        return directory;
    }

    /// <summary>One that began with other files is another one.</summary>
    private string Name()
    {
        string name = $"{run.Options.Arguments.GetValueOrDefault("BUILDKIT_CACHE_MOUNT_NS")}\0{cache.Id ?? target}";
        name = source is null ? name : $"{name}\0{source.Chain ?? source.Name}\0{cache.Source}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..32];
    }

    private async Task<string> LockAsync(string directory, List<FileLock> locks, CancellationToken cancellationToken)
    {
        string candidate = directory;
        for (int copy = 1; ; copy++)
        {
            TimeSpan wait = cache.Sharing == CacheSharing.Locked ? Timeout.InfiniteTimeSpan : TimeSpan.Zero;
            if (await FileLock.AcquireAsync(candidate + ".lock", FileLockMode.Exclusive, wait, TimeProvider.System, cancellationToken) is { } taken)
            {
                locks.Add(taken);
                return candidate;
            }

            candidate = string.Create(CultureInfo.InvariantCulture, $"{directory}-{copy}");
        }
    }

    private async Task<string> MakeAsync(CancellationToken cancellationToken)
    {
        if (source is null)
        {
            string empty = run.Workspace.NewDirectory("cache");
            SetOwnership(empty, UsualMode, 0, 0);
            return empty;
        }

        ISourceTree tree = await source.OpenAsync();
        LinuxPath path = tree.Resolve(new LinuxPath(GlobPath.Clean("/" + (cache.Source ?? ""))[1..]));
        if (tree.Find(path) is not { } status)
        {
            throw new MicaException(ErrorKind.NotFound, $"\"/{path}\": not found in {tree.DisplayName}");
        }

        if (status.Kind != FileKind.Directory)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"\"/{path}\" of {tree.DisplayName}: a cache cannot begin with what is no directory");
        }

        var copy = new CopyStep(
            new FileTransfer { Sources = [new PathSource($"/{path}")], Destination = "/" }, tree, "/", unpacksArchives: false, portableModes: false);
        string made = await run.Workspace.UnpackAsync("cache", archive =>
        {
            copy.Describe(new StepInputs(), cancellationToken);
            copy.Write(archive, below: null, new UnixTime(status.Modified.Seconds, 0), cancellationToken);
        }, cancellationToken);
        bool isRoots = tree.IsOwnedByRoot;
        SetOwnership(made, status.Mode, isRoots ? 0 : status.Uid, isRoots ? 0 : status.Gid);
        return made;
    }

    /// <summary>What the mount says goes before what its source has.</summary>
    private void SetOwnership(string directory, uint mode, uint uid, uint gid)
    {
        using DirectoryHandle handle = DirectoryHandle.Open(directory);
        (uint owner, uint group) = ((uint)(cache.Ownership.UserId ?? (int)uid), (uint)(cache.Ownership.GroupId ?? (int)gid));
        if (owner != 0 || group != 0)
        {
            handle.SetOwner(owner, group);
        }

        handle.SetMode((uint)(cache.Ownership.Mode ?? (int)mode));
    }
}
