using System.Collections.Immutable;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Makes a container of an image: its definition, complete, and its directory. Nothing of it runs yet.</summary>
internal sealed class ContainerCreation(Engine engine, Containers containers)
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int MaxNameAttempts = 20;

    public async Task<Container> RunAsync(
        ContainerDefinition wanted, string? name, ImagePullPolicy pull, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        name = name is null ? null : ContainerNames.Check(name);
        if (wanted.Limits.HasAny && engine.Runtime.Rung != RuntimeRung.Root)
        {
            throw new MicaException(
                ErrorKind.Unsupported, "an ordinary user's containers have no cgroup here, and so no limits of memory, CPU, processes or I/O: leave them out, or be root");
        }

        await using StoreLease lease = await engine.Store.LeaseAsync("create a container", cancellationToken);
        Image image = await new ContainerImage(engine, lease).OpenAsync(wanted.Image, wanted.Platform, pull, progress, cancellationToken);
        ContainerDefinition definition = Complete(wanted, image);
        string id = ContainerNames.NewId();
        definition = definition with
        {
            Hostname = definition.Hostname ?? (definition.Networking.Mode == "host" ? Environment.MachineName : ContainerFiles.Short(id)),
            Mounts = await engine.Volumes.ResolveAsync(
                [.. definition.Mounts, .. await OthersAsync(definition, cancellationToken)], image.Config.Config?.Volumes?.Keys ?? [], cancellationToken),
            VolumesFrom = [],
        };
        ContainerFiles files = containers.FilesOf(id);
        ImmutableArray<string> trees = await engine.Store.TreesAsync(definition.DiffIds, cancellationToken);
        try
        {
            MakeDirectory(files, trees);
            await engine.Volumes.FillAsync(definition.Mounts, trees, cancellationToken);
            return await AddAsync(id, name, definition, files, cancellationToken);
        }
        catch
        {
            LinuxFileSystem.RemoveTree(files.Directory);
            throw;
        }
    }

    /// <summary>What is mounted in other containers, as far as it is not covered.</summary>
    private async Task<IEnumerable<MountDefinition>> OthersAsync(ContainerDefinition definition, CancellationToken cancellationToken)
    {
        Dictionary<string, MountDefinition> mounts = new(StringComparer.Ordinal);
        foreach (string text in definition.VolumesFrom)
        {
            string[] parts = text.Split(':');
            if (parts.Length > 2 || (parts.Length == 2 && parts[1] is not ("ro" or "rw" or "z")))
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"invalid mode: {Printable.Of(text)} (CONTAINER[:ro|rw])");
            }

            Container other = await containers.GetAsync(parts[0], cancellationToken);
            foreach (MountDefinition mount in other.Definition.Mounts.Where(mount => mount.Type is "bind" or "volume"))
            {
                mounts[mount.Destination] = mount with { IsReadOnly = mount.IsReadOnly || parts is [_, "ro"], CopiesNothing = true };
            }
        }

        return mounts.Values.Where(mount => definition.Mounts.All(own => own.Destination.TrimEnd('/') != mount.Destination.TrimEnd('/')));
    }

    private async Task<Container> AddAsync(string id, string? name, ContainerDefinition definition, ContainerFiles files, CancellationToken cancellationToken)
    {
        for (int attempt = 0; ; attempt++)
        {
            var container = new Container(id, name ?? ContainerNames.NewName(attempt), engine.Options.Time.GetUtcNow(), definition, new ContainerState(), files);
            var added = new StoredObject(id, container.Name, container.Created, ContainerJson.Write(definition), ContainerJson.Write(container.State));
            StoredObject? taken = await engine.Store.Objects.AddAsync(ObjectKind.Container, added, definition.Manifest, cancellationToken);
            if (taken is null)
            {
                await containers.TellAsync(container, "create", cancellationToken);
                return container;
            }

            if (name is not null || attempt == MaxNameAttempts)
            {
                throw Containers.NameTaken(container.Name, taken.Id);
            }
        }
    }

    /// <summary>Its upper directories have the image's root's own mode and owner, which overlayfs shows.</summary>
    private static void MakeDirectory(ContainerFiles files, ImmutableArray<string> trees)
    {
        const UnixFileMode Passable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        Directory.CreateDirectory(files.Directory, Passable);
        using LayerStack stack = new(trees, LayerWorkspace.WhiteoutForm);
        FileStatus? root = stack.Find(default);
        foreach (string path in (ReadOnlySpan<string>)[files.Upper, files.Init, files.Work])
        {
            Directory.CreateDirectory(path);
            using DirectoryHandle directory = DirectoryHandle.Open(path);
            if (root is { } status)
            {
                directory.SetOwner(status.Uid, status.Gid);
                directory.SetMode(status.Mode);
            }
        }

        if (ImpliedDirectories.FindHiding(trees) is { IsEmpty: false } hiding)
        {
            ImpliedDirectories.Write(hiding, trees, files.Init);
        }
    }

    private static ContainerDefinition Complete(ContainerDefinition wanted, Image image)
    {
        ContainerConfig config = image.Config.Config ?? new ContainerConfig();
        ContainerDefinition definition = wanted with
        {
            Manifest = image.ManifestDescriptor.Digest,
            ImageId = image.Id,
            DiffIds = [.. image.Config.RootFs.DiffIds],
            Entrypoint = wanted.Entrypoint is { } entrypoint ? (entrypoint is [""] ? [] : entrypoint) : config.Entrypoint ?? [],

            // An entrypoint of one's own makes the image's arguments senseless.
            Command = wanted.Command is { Length: > 0 } command ? command : wanted.Entrypoint is null ? config.Cmd ?? [] : [],
            Environment = Merge(config.Env ?? [], wanted.Environment),
            WorkingDirectory = wanted.WorkingDirectory ?? (config.WorkingDir is { Length: > 0 } directory ? Absolute(directory) : "/"),
            User = wanted.User ?? config.User ?? "",
            Labels = (config.Labels ?? ImmutableSortedDictionary<string, string>.Empty).SetItems(wanted.Labels),
            StopSignal = wanted.StopSignal ?? config.StopSignal ?? "SIGTERM",
            StopTimeout = wanted.StopTimeout ?? config.StopTimeout,
            Healthcheck = Merge(config.Healthcheck, wanted.Healthcheck),
            ExposedPorts = [.. (config.ExposedPorts?.Keys ?? []).Concat(wanted.ExposedPorts)
                .Concat(wanted.Networking.Ports.Select(port => $"{port.ContainerPort}/{port.Protocol}"))
                .Select(port => port.Contains('/', StringComparison.Ordinal) ? port : port + "/tcp").Distinct().Order(StringComparer.Ordinal)],
        };
        _ = Signal.Parse(definition.StopSignal);
        return definition.Arguments.IsEmpty ? throw new MicaException(ErrorKind.InvalidArgument, "no command specified") : definition;
    }

    private static string Absolute(string path) => path.StartsWith('/') ? path : "/" + path;

    private static ImmutableArray<string> Merge(ImmutableArray<string> image, ImmutableArray<string> wanted)
    {
        List<string> merged = [.. image];
        foreach (string line in wanted)
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? line : line[..equals];
            int at = merged.FindIndex(other => other.StartsWith(name + "=", StringComparison.Ordinal));
            if (equals < 0)
            {
                merged.RemoveAll(other => other.StartsWith(name + "=", StringComparison.Ordinal));
            }
            else if (at >= 0)
            {
                merged[at] = line;
            }
            else
            {
                merged.Add(line);
            }
        }

        return merged.Exists(line => line.StartsWith("PATH=", StringComparison.Ordinal)) ? [.. merged] : [DefaultPath, .. merged];
    }

    private static Healthcheck? Merge(Healthcheck? image, Healthcheck? wanted) => wanted is null ? image : image is null || wanted.Test is ["NONE"] ? wanted : new Healthcheck
    {
        Test = wanted.Test ?? image.Test,
        Interval = wanted.Interval ?? image.Interval,
        Timeout = wanted.Timeout ?? image.Timeout,
        StartPeriod = wanted.StartPeriod ?? image.StartPeriod,
        StartInterval = wanted.StartInterval ?? image.StartInterval,
        Retries = wanted.Retries ?? image.Retries,
    };
}
