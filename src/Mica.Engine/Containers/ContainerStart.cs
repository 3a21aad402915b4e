using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mica.Layers;
using Mica.Linux;
using Mica.Runtime;
using Mica.Store;
using Microsoft.Win32.SafeHandles;

namespace Mica.Engine;

/// <summary>Starts a container whose lock is held: root, mounts, process, network, and then its program.</summary>
internal sealed class ContainerStart(Engine engine, Containers containers, ContainerHold held)
{
    private const int MaxFileSize = 8 << 20;

    private readonly Container _container = held.Container;
    private readonly ContainerDefinition _definition = held.Container.Definition;

    /// <param name="attaches">Connects to its standard streams before its program begins.</param>
    /// <param name="isAttended">The caller sees to its end, unless it dies before.</param>
    /// <param name="cancellationToken">Cancels before its program begins.</param>
    public async Task<ContainerAttachment?> RunAsync(bool attaches, bool isAttended, CancellationToken cancellationToken)
    {
        DetachedContainer detached = containers.Detached(_container);
        ContainerAttachment? attachment = null;
        try
        {
            ContainerSpec spec = await SpecAsync(cancellationToken);
            ContainerConnections connections = new(engine, held);
            using NetworkJoin join = await connections.JoinAsync(cancellationToken);
            spec = spec with
            {
                Network = join.Mode,
                Dns = join.NameServers.IsEmpty ? spec.Dns : spec.Dns with { Servers = join.NameServers },
            };
            MonitorOptions monitor = Monitor(isAttended) with { Descriptors = join.Reservation?.Handles ?? [] };
            CreatedContainer created = await Task.Run(() => detached.Create(spec, monitor, join.NamespacePath, join.Etc ?? _container.Files), cancellationToken);
            ContainerState state = _container.State with
            {
                Status = ContainerStatus.Running,
                Process = created.Process,
                Monitor = created.Monitor,
                Started = engine.Options.Time.GetUtcNow(),
                ExitCode = 0,
                Error = null,
                OutOfMemory = false,
                WasStopped = false,
                Health = HealthChecks.Initial(_definition.Healthcheck),
            };
            ImmutableArray<EndpointState> endpoints = await connections.ConnectAsync(join, created.Process, cancellationToken);

            // From here on whoever looks at it finds a running container, and sees to its end.
            await held.SaveAsync(state with { Endpoints = endpoints, Ports = join.Ports }, cancellationToken);
            await connections.PublishAsync(cancellationToken);
            if (endpoints is [var first, ..])
            {
                detached.WriteHosts(spec, first.Address.Split('/')[0], first.Gateway.Length > 0 ? first.Gateway : null);
            }

            attachment = attaches ? detached.Attach() : null;
            await Task.Run(detached.Start, cancellationToken);
            await containers.TellAsync(_container, "start", cancellationToken);
            HealthChecks.Watch(engine, _container);
            return attachment;
        }
        catch (Exception failure)
        {
            attachment?.Dispose();
            await FailAsync(detached, failure);
            throw;
        }
    }

    private async Task FailAsync(DetachedContainer detached, Exception failure)
    {
        await new ContainerConnections(engine, held).DisconnectAsync(CancellationToken.None);
        detached.Remove(kills: true);
        await held.SaveAsync(_container.State with
        {
            Status = _container.State.Started is null ? ContainerStatus.Created : ContainerStatus.Exited,
            Process = null,
            Monitor = null,
            ExitCode = failure is ContainerFailedException { ExitCode: var code } ? code : 128,
            Error = failure.Message,
            Finished = engine.Options.Time.GetUtcNow(),
            Endpoints = [],
            Ports = [],
        }, CancellationToken.None);
        if (_definition.AutoRemove)
        {
            await new ContainerEnd(engine, containers, held).RemoveAsync(volumes: true, CancellationToken.None);
        }
    }

    private MonitorOptions Monitor(bool isAttended)
    {
        ImmutableArray<string> program = engine.Options.Program;
        ImmutableArray<string> cleanup = program.IsEmpty ? [] : [.. program, "container", "cleanup", _container.Id];
        if (isAttended && !cleanup.IsEmpty)
        {
            // While we are there we see to its end ourselves, and nobody has to start another mica.
            string own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
            cleanup = ["/bin/sh", "-c", "kill -0 \"$0\" 2>/dev/null || exec \"$@\"", own, .. cleanup];
        }

        return new MonitorOptions
        {
            LogPath = _definition.Log.Driver == "none" ? null : _container.Files.Log,
            MaxLogBytes = _definition.Log.MaxBytes,
            UsesTerminal = _definition.UsesTerminal,
            OpensInput = _definition.OpensInput,
            KeepsInputOpen = !_definition.IsAttached,
            ExitCommand = cleanup,
            Environment = engine.Options.ProgramEnvironment,
        };
    }

    private async Task<ContainerSpec> SpecAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<string> trees = await engine.Store.TreesAsync(_definition.DiffIds, cancellationToken);
        using LayerStack stack = new([_container.Files.Upper, _container.Files.Init, .. trees], LayerWorkspace.WhiteoutForm);
        string ReadFile(string path) => Read(stack, path);
        ImageUser user = ImageUser.Find(ReadFile, _definition.User ?? "");
        ContainerUser identity = user.ToContainerUser();
        return new ContainerSpec
        {
            Id = _container.Id,
            Root = new RootFileSystem(trees, _container.Files.Upper, _container.Files.Work) { IsReadOnly = _definition.IsReadOnly },
            Command = _definition.Arguments,
            Environment = EnvironmentOf(user),
            WorkingDirectory = _definition.WorkingDirectory ?? "/",
            User = identity with
            {
                AdditionalGids = [.. identity.AdditionalGids.Concat(_definition.Groups.Select(group => ImageUser.FindGroup(ReadFile, group))).Distinct()],
            },
            Hostname = _definition.Hostname ?? _container.ShortId,
            Domainname = _definition.Domainname,
            Mounts = await new ContainerMounts(engine, _definition).ListAsync(identity, cancellationToken),
            ExtraHosts = _definition.Networking.ExtraHosts,
            Dns = _definition.Networking.Dns,
            ShmSize = _definition.ShmSize ?? 64L << 20,
            Ulimits = _definition.Ulimits,
            Limits = _definition.Limits,
            UsesTerminal = _definition.UsesTerminal,
            UsesInit = _definition.UsesInit,
            Isolation = await new ContainerIsolationChoice(containers, _definition).ResolveAsync(cancellationToken),
            Annotations = _definition.Annotations,
        };
    }

    private ImmutableArray<string> EnvironmentOf(ImageUser user)
    {
        List<string> environment = [.. _definition.Environment];
        void Add(string name, string value)
        {
            if (!environment.Exists(line => line.StartsWith(name + "=", StringComparison.Ordinal)))
            {
                environment.Add($"{name}={value}");
            }
        }

        Add("HOSTNAME", _definition.Hostname ?? _container.ShortId);
        if (_definition.UsesTerminal)
        {
            Add("TERM", "xterm");
        }

        Add("HOME", user.Home ?? (user.Uid == 0 ? "/root" : "/"));
        return [.. environment];
    }

    private static string Read(LayerStack stack, string path)
    {
        LinuxPath file = stack.Resolve(new LinuxPath(path));
        if (stack.Find(file) is not { Kind: FileKind.File } status || status.Size > MaxFileSize)
        {
            return "";
        }

        byte[] content = new byte[status.Size];
        using SafeFileHandle handle = stack.OpenFile(file);
        return Encoding.UTF8.GetString(content.AsSpan(0, RandomAccess.Read(handle, content, 0)));
    }
}
