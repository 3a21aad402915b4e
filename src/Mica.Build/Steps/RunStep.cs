using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Build;

/// <summary>RUN: a command in a container over the layers so far; what it leaves becomes a layer.</summary>
internal sealed class RunStep(StageStep step, RunInstruction run)
{
    private const string ScriptDirectory = "/dev/pipes";

    private readonly BuildOptions _options = step.Run.Options;

    private CancellationToken Token => step.Stage.Token;

    public async Task<StageState> RunAsync(int number)
    {
        Refuse();
        StageState state = step.State;
        ImmutableArray<string> command = Command(state, out ImmutableArray<ContainerMount> scripts);
        (string[] environment, string[] arguments) = Environment(state);
        RunMounts mounts = await RunMounts.ResolveAsync(step, run, state);
        async Task<StepInputs> DescribeAsync(bool quick)
        {
            StepInputs inputs = step.NewInputs("RUN", dependsOnLayersBelow: true);
            Describe(inputs, state, command, environment);
            await mounts.DescribeAsync(inputs, quick, Token);
            return inputs;
        }

        return await step.ResolveAsync(
            number, mounts.HaveQuickNames ? await DescribeAsync(quick: true) : null, () => DescribeAsync(quick: false), state,
            History(command, arguments), async _ => await ExecuteAsync(number, state, command, environment, scripts, mounts));
    }

    private void Describe(StepInputs inputs, StageState state, ImmutableArray<string> command, string[] environment)
    {
        inputs.Add("command", string.Join('\0', command));
        if (run.Command is ScriptCommand { Script.Text: var text })
        {
            inputs.Add("script", text);
        }

        foreach (string line in environment)
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            inputs.Add($"variable {line[..equals]}", line[(equals + 1)..]);
        }

        inputs.Add("working directory", state.WorkingDirectory);
        inputs.Add("user", state.Container.User ?? "");
        inputs.Add("network", $"{Network()}");
        inputs.Add("security", $"{run.Options.Security}");
        inputs.Add("hosts", string.Join(' ', _options.ExtraHosts.Select(host => $"{host.Name}={host.Address}")));
    }

    private void Refuse()
    {
        if (!run.Options.Devices.IsEmpty)
        {
            throw new MicaException(ErrorKind.Unsupported, "RUN --device is not supported");
        }

        if (run.Options.Network == RunNetwork.Host && !_options.AllowHostNetwork)
        {
            throw new MicaException(ErrorKind.PermissionDenied, "RUN --network=host is not allowed: build with --allow network.host");
        }

        if (run.Options.Security == RunSecurity.Insecure && !_options.AllowInsecure)
        {
            throw new MicaException(ErrorKind.PermissionDenied, "RUN --security=insecure is not allowed: build with --allow security.insecure");
        }
    }

    /// <summary>The argument vector, and the files that it needs.</summary>
    private ImmutableArray<string> Command(StageState state, out ImmutableArray<ContainerMount> scripts)
    {
        scripts = [];
        switch (run.Command)
        {
            case ExecCommand exec:
                return exec.Words;
            case ScriptCommand { IsFile: true } script:
                string place = $"{ScriptDirectory}/{script.Script.Name}";
                scripts = [new Runtime.SecretMount(Encoding.UTF8.GetBytes(script.Script.Text), place) { Mode = 0x1ed }];
                return [place];
            case ScriptCommand script:
                return [.. state.Shell, script.Script.Text];
            default:
                return [.. state.Shell, ((ShellCommand)run.Command).Text];
        }
    }

    /// <summary>The command's environment but for what it must not depend on, and the arguments in it.</summary>
    private static (string[] Environment, string[] Arguments) Environment(StageState state)
    {
        string[] image = [.. state.Container.Env ?? []];
        string[] arguments = [.. state.Scope.Arguments
            .Where(pair => pair.Value is not null && !PredefinedArguments.Proxies.Contains(pair.Key) && !state.Scope.Environment.ContainsKey(pair.Key))
            .Select(pair => $"{pair.Key}={pair.Value}").Order(StringComparer.Ordinal)];
        string[] all = [.. arguments, .. image];
        return (all.Any(line => line.StartsWith("PATH=", StringComparison.Ordinal))
            ? all : ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", .. all], arguments);
    }

    private NetworkMode Network() => (run.Options.Network == RunNetwork.Default ? _options.Network : run.Options.Network) switch
    {
        RunNetwork.None => NetworkMode.None,
        RunNetwork.Host => NetworkMode.Host,
        _ => NetworkMode.Default,
    };

    private static string History(ImmutableArray<string> command, string[] arguments)
    {
        string line = string.Join(' ', command);
        return arguments.Length == 0 ? $"RUN {line} # buildkit" : string.Create(CultureInfo.InvariantCulture, $"RUN |{arguments.Length} {string.Join(' ', arguments)} {line} # buildkit");
    }

    private async Task<CreatedLayer?> ExecuteAsync(
        int number, StageState state, ImmutableArray<string> command, string[] environment, ImmutableArray<ContainerMount> scripts, RunMounts mounts)
    {
        if (step.Run.Containers(number).FindObstacle(state.Config.Platform.Normalize()) is { } obstacle)
        {
            throw new MicaException(ErrorKind.Unsupported, obstacle);
        }

        LayerWorkspace workspace = step.Run.Workspace;
        string upper = workspace.NewDirectory("upper"), work = workspace.NewDirectory("work");
        ImmutableArray<string> trees = await step.Run.TreesAsync(state, Token);
        using var below = new LayerStack(trees, LayerWorkspace.WhiteoutForm);
        LikeRoot(below, upper);
        ImageUser user = Ownership.Find(new StackTree(below, "the image"), state.Container.User ?? "");
        using RunMounts.Held held = await mounts.OpenAsync(Token);
        var spec = new ContainerSpec
        {
            Id = $"build-{System.Environment.ProcessId}-{Path.GetFileName(upper)}",
            Root = new RootFileSystem(trees, upper, work) { IsVolatile = true },
            Command = command,
            Environment = [.. Home(environment, user), .. step.Run.Arguments.Proxies().Select(pair => $"{pair.Key}={pair.Value}"), .. held.Environment],
            WorkingDirectory = state.WorkingDirectory,
            User = user.ToContainerUser(),
            Hostname = _options.Arguments.GetValueOrDefault("BUILDKIT_SANDBOX_HOSTNAME") ?? "buildkitsandbox",
            Mounts = [.. held.Mounts, .. scripts],
            Network = Network(),
            ExtraHosts = [.. _options.ExtraHosts.Select(host => new ExtraHost(host.Name, host.Address))],
            ShmSize = _options.ShmSize ?? 64L << 20,
            Ulimits = [.. _options.Ulimits.Select(limit => new Ulimit(limit.Name, Limit(limit.Soft), Limit(limit.Hard)))],
            Isolation = new IsolationSpec { IsPrivileged = run.Options.Security == RunSecurity.Insecure },
        };
        var tail = new OutputTail();
        ContainerExit exit = await RunAsync(number, spec, tail);
        foreach (string notice in exit.Notices)
        {
            step.Run.Report(new StepNotice(number, notice));
        }

        if (exit.Code != 0)
        {
            string shown = string.Join(' ', command);
            throw new StepFailedException(
                exit.StartFailure is { } failure ? $"process \"{Printable.Of(shown)}\" could not be started: {failure}"
                : $"process \"{Printable.Of(shown)}\" did not complete successfully: exit code: {exit.Code}{(exit.OutOfMemory ? ": out of memory" : "")}",
                step.ExcerptText(), tail.ToString(), exit.Code, null)
            {
                StepName = step.Name,
                Shell = new StepShell(state.Shell[0], token => OpenShellAsync(number, spec, mounts, scripts, state.Shell[0], token)),
            };
        }

        return await workspace.AddTreeAsync(upper, new LayerDiffOptions
        {
            WhiteoutForm = LayerWorkspace.WhiteoutForm,
            Lower = path => path.IsEmpty && state.Layers.IsEmpty ? null : below.Find(path),
            Latest = step.Latest is { } latest ? new FileTime(latest.Seconds, latest.Nanoseconds) : null,
        }, Token);
    }

    private async Task<ContainerExit> RunAsync(int number, ContainerSpec spec, OutputTail tail)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(Token);
        if (_options.StepTimeout is { } limit)
        {
            timeout.CancelAfter(limit);
        }

        try
        {
            return await step.Run.Containers(number).RunAsync(spec, (isError, bytes) =>
            {
                tail.Add(bytes);
                step.Run.Report(new StepOutput(number, isError, bytes.ToArray()));
            }, timeout.Token);
        }
        catch (OperationCanceledException) when (!Token.IsCancellationRequested)
        {
            throw new StepFailedException(
                $"process \"{Printable.Of(string.Join(' ', spec.Command))}\" took longer than {_options.StepTimeout?.TotalSeconds:0.###}s", step.ExcerptText(), tail.ToString(), null, null)
            {
                StepName = step.Name,
            };
        }
    }

    private async Task<ContainerExit> OpenShellAsync(
        int number, ContainerSpec failed, RunMounts mounts, ImmutableArray<ContainerMount> scripts, string program, CancellationToken cancellationToken)
    {
        using RunMounts.Held held = await mounts.OpenAsync(cancellationToken);
        return await step.Run.Containers(number).RunAsync(failed with
        {
            Id = failed.Id + "-shell",
            Command = [program],
            Environment = [.. failed.Environment, .. failed.Environment.Any(line => line.StartsWith("TERM=", StringComparison.Ordinal)) ? [] : (ReadOnlySpan<string>)["TERM=xterm"]],
            Mounts = [.. held.Mounts, .. scripts],

            // The kernel refuses one that was used by a volatile overlay.
            Root = failed.Root with { WorkDirectory = step.Run.Workspace.NewDirectory("work") },
            UsesTerminal = true,
        }, (_, _) => { }, cancellationToken);
    }

    /// <summary>The upper directory's own mode and owner are those of the root that the container sees.</summary>
    private static void LikeRoot(LayerStack below, string upper)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(upper);
        FileStatus? root = below.Find(default);
        directory.SetMode(root?.Mode ?? 0x1ed);
        if (root is { } status && (status.Uid != 0 || status.Gid != 0))
        {
            directory.SetOwner(status.Uid, status.Gid);
        }
    }

    private static string[] Home(string[] environment, ImageUser user) =>
        environment.Any(line => line.StartsWith("HOME=", StringComparison.Ordinal)) ? environment
            : [.. environment, $"HOME={user.Home ?? (user.Uid == 0 ? "/root" : "/")}"];

    private static ulong Limit(long value) => value < 0 ? ulong.MaxValue : (ulong)value;
}
