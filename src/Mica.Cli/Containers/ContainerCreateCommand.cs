using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Engine;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Cli.Containers;

/// <summary>What <c>run</c> and <c>create</c> have in common: the options that make a container.</summary>
internal abstract partial class ContainerCreateCommand : EngineCommand
{
    public override Completes Completes => Completes.Images;

    public override bool StopsAtFirstArgument => true;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected string? Name(Invocation invocation) => invocation.Value(_name);

    protected bool IsQuiet(Invocation invocation) => invocation.Value(_quiet);

    protected ImagePullPolicy Pull(Invocation invocation) => ContainerFlag.Pull(invocation.Value(_pull));

    /// <summary>Which streams <c>-a</c> names; null: it was not given.</summary>
    protected string[]? Streams(Invocation invocation)
    {
        string[] streams = [.. (invocation.Value(_attach) ?? []).Select(stream => stream.ToLowerInvariant())];
        return streams.Length == 0 ? null : streams.FirstOrDefault(stream => stream is not ("stdin" or "stdout" or "stderr")) is { } bad
            ? throw invocation.Misuse($"invalid argument \"{Printable.Of(bad)}\" for \"-a, --attach\" flag: valid streams are STDIN, STDOUT and STDERR")
            : streams;
    }

    /// <summary>Writes the identifier to the file of <c>--cidfile</c>, which must not exist.</summary>
    protected void CheckIdFile(Invocation invocation)
    {
        if (invocation.Value(_idFile) is { Length: > 0 } path && File.Exists(path))
        {
            throw new MicaException(
                ErrorKind.AlreadyExists, $"container ID file found, make sure the other container isn't running or delete {Printable.Of(path)}");
        }
    }

    protected void WriteIdFile(Invocation invocation, Container container)
    {
        if (invocation.Value(_idFile) is { Length: > 0 } path)
        {
            File.WriteAllText(path, container.Id);
        }
    }

    protected ContainerDefinition Definition(Invocation invocation, bool isDetached)
    {
        string[] Values(Option<string[]> option) => invocation.Value(option) ?? [];
        string? Value(Option<string?> option) => invocation.Value(option) is { Length: > 0 } text ? text : null;
        bool removes = invocation.Value(_remove);
        RestartPolicy restart = ContainerFlag.Restart(Value(_restart));
        if (removes && restart.Name != "no")
        {
            throw invocation.Misuse("conflicting options: cannot specify both --restart and --rm");
        }

        Refuse(invocation);
        return new ContainerDefinition
        {
            Image = invocation.Arguments[0],
            Platform = (invocation.PlatformToFetch(_platform))?.ToString(),
            Command = invocation.Arguments.Length > 1 ? [.. invocation.Arguments[1..]] : null,
            Entrypoint = invocation.IsGiven(_entrypoint) ? [invocation.Value(_entrypoint) ?? ""] : null,
            Environment = ContainerFlag.Environment(Values(_envFiles), Values(_env), invocation.Host.Environment.Variable),
            WorkingDirectory = Value(_workdir) is { } workdir ? ContainerFlag.AbsolutePath(workdir, "the working directory") : null,
            User = Value(_user),
            Groups = [.. Values(_groups)],
            Hostname = Value(_hostname),
            Domainname = Value(_domainname),
            Labels = ContainerFlag.Labels(Values(_labelFiles), Values(_labels)),
            Annotations = ContainerFlag.Pairs(Values(_annotations), "annotation"),
            UsesTerminal = invocation.Value(_tty),
            OpensInput = invocation.Value(_interactive),
            IsAttached = !isDetached,
            AutoRemove = removes,
            UsesInit = invocation.Value(_init),
            StopSignal = Value(_stopSignal),
            StopTimeout = (int?)LimitFlags.Number(Value(_stopTimeout), "--stop-timeout"),
            Restart = restart,
            Healthcheck = Health(invocation),
            ExposedPorts = [.. Values(_expose).SelectMany(PortFlag.Exposed)],
            Networking = Networking(invocation),
            Mounts =
            [
                .. Values(_volumes).Select(MountFlag.Volume),
                .. Values(_mounts).Select(MountFlag.Mount),
                .. Values(_tmpfs).Select(MountFlag.Tmpfs),
            ],
            VolumesFrom = [.. Values(_volumesFrom)],
            IsReadOnly = invocation.Value(_readOnly),
            ShmSize = Value(_shmSize) is { } shm ? ByteSize.Parse(shm, "--shm-size") : null,
            Ulimits = ContainerFlag.Ulimits(Values(_ulimits)),
            Limits = Limits(invocation),
            Isolation = Isolation(invocation),
            Log = ContainerFlag.Log(Value(_logDriver), Values(_logOptions)),
        };
    }

    private void Refuse(Invocation invocation)
    {
        foreach ((Option option, string why) in new (Option, string)[]
        {
            (_gpus, "there is no driver for them here; give the devices by --device"),
            (_storage, "it would need project quotas; put the store on a file system of the size that it may have, or use --read-only with --tmpfs DIR:size="),
            (_cgroupParent, "containers are in the cgroup /mica"),
            (_link, "it is docker's old way; connect both containers to a network (mica network create) and use their names"),
        })
        {
            if (invocation.IsGiven(option))
            {
                throw new MicaException(ErrorKind.Unsupported, $"{option.Name} is not supported: {why}");
            }
        }
    }

    private Healthcheck? Health(Invocation invocation)
    {
        bool isOff = invocation.Value(_noHealth);
        string? command = invocation.Value(_healthCommand);
        long? Nanoseconds(Option<string?> option) => Building.BuildFlag.Duration(invocation.Value(option), option.Name)?.Ticks * 100;
        var check = new Healthcheck
        {
            Test = isOff ? ["NONE"] : command is { Length: > 0 } ? ["CMD-SHELL", command] : null,
            Interval = Nanoseconds(_healthInterval),
            Timeout = Nanoseconds(_healthTimeout),
            StartPeriod = Nanoseconds(_healthStartPeriod),
            StartInterval = Nanoseconds(_healthStartInterval),
            Retries = (int?)LimitFlags.Number(invocation.Value(_healthRetries), "--health-retries"),
        };
        return isOff && check != new Healthcheck { Test = check.Test }
            ? throw invocation.Misuse("--no-healthcheck conflicts with --health-* options")
            : check == new Healthcheck() ? null : check;
    }

    private ContainerNetworking Networking(Invocation invocation)
    {
        string[] Values(Option<string[]> option) => invocation.Value(option) ?? [];
        var endpoint = new EndpointDefinition
        {
            Aliases = [.. Values(_networkAliases)],
            Address = invocation.Value(_address),
            Address6 = invocation.Value(_address6),
            MacAddress = invocation.Value(_mac),
        };
        return NetworkFlag.Read(Values(_networks), endpoint) with
        {
            Ports = [.. Values(_publish).SelectMany(PortFlag.Parse)],
            PublishesAll = invocation.Value(_publishAll),
            Dns = new DnsSettings { Servers = [.. Values(_dns)], Searches = [.. Values(_dnsSearches)], Options = [.. Values(_dnsOptions)] },
            ExtraHosts = ContainerFlag.Hosts(Values(_addHosts)),
        };
    }

    private ResourceLimits Limits(Invocation invocation)
    {
        string[] Values(Option<string[]> option) => invocation.Value(option) ?? [];
        return _limits.Read(invocation, new ResourceLimits
        {
            Swappiness = (ulong?)LimitFlags.Number(invocation.Value(_swappiness), "--memory-swappiness") is var swappiness and not ulong.MaxValue ? swappiness : null,
            OutOfMemoryKillDisabled = invocation.Value(_oomKillDisable),
            OutOfMemoryScore = (int?)LimitFlags.Number(invocation.Value(_oomScore), "--oom-score-adj"),
            BlockLimits =
            [
                .. LimitFlags.Block(Values(_blockWeights), BlockLimitKind.Weight, "--blkio-weight-device"),
                .. LimitFlags.Block(Values(_readBytes), BlockLimitKind.ReadBytes, "--device-read-bps"),
                .. LimitFlags.Block(Values(_writeBytes), BlockLimitKind.WriteBytes, "--device-write-bps"),
                .. LimitFlags.Block(Values(_readOperations), BlockLimitKind.ReadOperations, "--device-read-iops"),
                .. LimitFlags.Block(Values(_writeOperations), BlockLimitKind.WriteOperations, "--device-write-iops"),
            ],
        });
    }

    private ContainerIsolation Isolation(Invocation invocation)
    {
        string[] Values(Option<string[]> option) => invocation.Value(option) ?? [];
        return new ContainerIsolation
        {
            IsPrivileged = invocation.Value(_privileged),
            AddedCapabilities = [.. Values(_capAdd)],
            DroppedCapabilities = [.. Values(_capDrop)],
            SecurityOptions = [.. Values(_security)],
            Devices = [.. Values(_devices)],
            DeviceRules = [.. Values(_deviceRules)],
            Sysctls = ContainerFlag.Pairs(Values(_sysctls), "sysctl"),
            Pid = ContainerFlag.Mode(invocation.Value(_pid), "--pid"),
            Ipc = ContainerFlag.Mode(invocation.Value(_ipc), "--ipc", "private", "shareable", "none"),
            Uts = ContainerFlag.Mode(invocation.Value(_uts), "--uts"),
            Cgroup = ContainerFlag.Mode(invocation.Value(_cgroupns), "--cgroupns", "private"),
            User = ContainerFlag.Mode(invocation.Value(_userns), "--userns"),
        };
    }
}
