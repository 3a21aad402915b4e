using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Mica.Linux;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>The volumes of a root directory: each a directory whose files containers share, and which outlives them.</summary>
public sealed partial class Volumes
{
    private readonly Engine _engine;

    internal Volumes(Engine engine) => _engine = engine;

    /// <summary>Makes a volume; one that is there already is returned as it is.</summary>
    /// <param name="name">Null: one that nobody chose.</param>
    /// <param name="labels">Free-form text.</param>
    /// <param name="options">As docker's local driver takes them; empty for a plain directory.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a name.</exception>
    public async Task<Volume> CreateAsync(
        string? name, IReadOnlyDictionary<string, string> labels, IReadOnlyDictionary<string, string> options, CancellationToken cancellationToken)
    {
        bool isAnonymous = name is null;
        name ??= ContainerNames.NewId();
        if (!NamePattern().IsMatch(name))
        {
            throw new MicaException(
                ErrorKind.InvalidArgument,
                $"\"{Printable.Of(name)}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path");
        }

        VolumeOptions.Check(options);
        if (await _engine.Store.Objects.FindAsync(ObjectKind.Volume, name, cancellationToken) is { } there && there.Name == name)
        {
            return Of(there);
        }

        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        const UnixFileMode Usual = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        string directory = DirectoryOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(directory)!, Usual & ~(UnixFileMode.GroupRead | UnixFileMode.OtherRead));
        Directory.CreateDirectory(directory, Usual);
        var definition = new VolumeDefinition
        {
            Labels = labels.ToImmutableSortedDictionary(),
            Options = options.ToImmutableSortedDictionary(),
            IsAnonymous = isAnonymous,
        };
        var added = new StoredObject(name, name, _engine.Options.Time.GetUtcNow(), VolumeJson.Write(definition), "");
        StoredObject? taken = await _engine.Store.Objects.AddAsync(ObjectKind.Volume, added, null, cancellationToken);
        if (taken is null)
        {
            await _engine.TellAsync("volume", "create", name, ImmutableSortedDictionary<string, string>.Empty.Add("driver", "local"), cancellationToken);
        }

        return Of(taken ?? added);
    }

    /// <summary>All volumes, by name.</summary>
    public async Task<ImmutableArray<Volume>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await _engine.Store.Objects.ListAsync(ObjectKind.Volume, cancellationToken)).Select(Of).OrderBy(volume => volume.Name, StringComparer.Ordinal)];

    /// <summary>One volume.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>.</exception>
    public async Task<Volume> GetAsync(string name, CancellationToken cancellationToken) =>
        await _engine.Store.Objects.FindAsync(ObjectKind.Volume, name, cancellationToken) is { } stored && stored.Name == name
            ? Of(stored) : throw new MicaException(ErrorKind.NotFound, $"get {Printable.Of(name)}: no such volume");

    /// <summary>The bytes of a volume's files.</summary>
    public long SizeOf(Volume volume) => volume.Options.IsEmpty ? TreeSize.Of(DirectoryOf(volume.Name)) : 0;

    /// <summary>The containers, running or not, that have each volume.</summary>
    public async Task<ILookup<string, Container>> UsersAsync(CancellationToken cancellationToken) =>
        (await _engine.Containers.ListRecordedAsync(cancellationToken))
            .SelectMany(container => container.Definition.Mounts.Where(mount => mount.Type == "volume"), (container, mount) => (container, mount.Source))
            .ToLookup(pair => pair.Source, pair => pair.container);

    /// <summary>Removes a volume with all its files.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: no such one. <see cref="ErrorKind.Conflict"/>: a container has it.
    /// </exception>
    public async Task RemoveAsync(string name, CancellationToken cancellationToken)
    {
        Volume volume = await GetAsync(name, cancellationToken);
        if ((await UsersAsync(cancellationToken))[name].ToArray() is { Length: > 0 } users)
        {
            throw new MicaException(
                ErrorKind.Conflict, $"remove {name}: volume is in use - [{string.Join(", ", users.Select(user => user.Id))}]");
        }

        await RemoveAsync(volume, cancellationToken);
    }

    /// <summary>Removes the volumes that no container has: those without a name of the user's, or <paramref name="all"/>.</summary>
    /// <returns>What was removed, and the bytes that it took.</returns>
    public async Task<(ImmutableArray<string> Removed, long Bytes)> PruneAsync(
        bool all, Func<Volume, bool> selects, CancellationToken cancellationToken)
    {
        ILookup<string, Container> users = await UsersAsync(cancellationToken);
        ImmutableArray<string>.Builder removed = ImmutableArray.CreateBuilder<string>();
        long bytes = 0;
        foreach (Volume volume in await ListAsync(cancellationToken))
        {
            if ((all || volume.IsAnonymous) && !users.Contains(volume.Name) && selects(volume))
            {
                bytes += await RemoveAsync(volume, cancellationToken);
                removed.Add(volume.Name);
            }
        }

        return (removed.ToImmutable(), bytes);
    }

    /// <summary>Makes the volumes that a container wants, and those of the image that it does not cover.</summary>
    internal async Task<ImmutableArray<MountDefinition>> ResolveAsync(
        ImmutableArray<MountDefinition> wanted, IEnumerable<string> imageVolumes, CancellationToken cancellationToken)
    {
        if (wanted.GroupBy(mount => mount.Destination.TrimEnd('/')).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"duplicate mount point: {Printable.Of(twice.Key)}");
        }

        HashSet<string> covered = [.. wanted.Select(mount => mount.Destination.TrimEnd('/'))];
        ImmutableArray<MountDefinition>.Builder mounts = ImmutableArray.CreateBuilder<MountDefinition>();
        foreach (MountDefinition mount in wanted.Concat(imageVolumes
            .Select(path => path.StartsWith('/') ? path : "/" + path)
            .Where(path => path.TrimEnd('/').Length > 0 && !covered.Contains(path.TrimEnd('/')))
            .Select(path => new MountDefinition("volume", "", path))))
        {
            if (mount.Type != "volume")
            {
                mounts.Add(mount);
                continue;
            }

            Volume volume = await CreateAsync(
                mount.Source.Length == 0 ? null : mount.Source, ImmutableDictionary<string, string>.Empty, ImmutableDictionary<string, string>.Empty, cancellationToken);
            mounts.Add(mount with { Source = volume.Name, IsAnonymous = volume.IsAnonymous });
        }

        return mounts.ToImmutable();
    }

    /// <summary>Copies what an image has at the mount points of volumes that are empty into these.</summary>
    internal async Task FillAsync(ImmutableArray<MountDefinition> mounts, ImmutableArray<string> trees, CancellationToken cancellationToken)
    {
        foreach (MountDefinition mount in mounts.Where(mount => mount is { Type: "volume", CopiesNothing: false }))
        {
            Volume volume = await GetAsync(mount.Source, cancellationToken);
            if (volume.Options.IsEmpty && !Directory.EnumerateFileSystemEntries(volume.Directory).Any())
            {
                await Task.Run(() => new VolumeContent(trees, mount.Destination, volume.Directory).Copy(cancellationToken), cancellationToken);
            }
        }
    }

    private async Task<long> RemoveAsync(Volume volume, CancellationToken cancellationToken)
    {
        await _engine.Store.Objects.RemoveAsync(ObjectKind.Volume, volume.Name, cancellationToken);
        RemovedTree removed = await Task.Run(() => LinuxFileSystem.RemoveTree(Path.GetDirectoryName(volume.Directory)!), cancellationToken);
        await _engine.TellAsync("volume", "destroy", volume.Name, ImmutableSortedDictionary<string, string>.Empty.Add("driver", "local"), cancellationToken);
        return removed.Bytes;
    }

    private string DirectoryOf(string name) => Path.Join(_engine.Store.VolumesDirectory, name, "_data");

    private Volume Of(StoredObject stored)
    {
        VolumeDefinition definition = VolumeJson.Read(stored.Definition);
        return new Volume(stored.Name, stored.Created, DirectoryOf(stored.Name))
        {
            Labels = definition.Labels,
            Options = definition.Options,
            IsAnonymous = definition.IsAnonymous,
        };
    }

    [GeneratedRegex(@"\A[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}\z")]
    private static partial Regex NamePattern();
}
