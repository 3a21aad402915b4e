using System.Text.RegularExpressions;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// Runs containers to their end, by crun or runc. All that a container needs on the machine (mounts, processes, network) hangs
/// on namespaces that one thread of ours made for it, so that it is gone when the container ends or this process dies, even by
/// SIGKILL. What can be left then (names in directories, cgroups, rules of a firewall) <see cref="RemoveLeftovers"/> removes.
/// </summary>
public sealed partial class ContainerRunner(RuntimeOptions options) : IDisposable
{
    private readonly NetworkPool _networks = new(options);
    private readonly Lazy<OciRuntime> _runtime = new(() => OciRuntime.Find(options));

    /// <summary>The name of the program that is used: <c>crun</c> or <c>runc</c>.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: there is none.</exception>
    public string RuntimeName => _runtime.Value.Name;

    /// <summary>
    /// Runs <paramref name="spec"/> and returns when everything of it is gone. Cancellation kills it at once. What its processes
    /// write goes to <paramref name="output"/> as it comes.
    /// </summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.NotFound"/>: the specification cannot be;
    /// <see cref="ErrorKind.Conflict"/>: a container of that name runs; <see cref="ErrorKind.Unsupported"/>: no runtime here;
    /// <see cref="ErrorKind.Failed"/>: the runtime says no.
    /// </exception>
    public async Task<ContainerExit> RunAsync(ContainerSpec spec, ContainerOutput output, CancellationToken cancellationToken)
    {
        Validate(spec);
        cancellationToken.ThrowIfCancellationRequested();
        Directory.CreateDirectory(options.StateDirectory);
        using ContainerDirectory directory = ContainerDirectory.Acquire(options, spec.Id);
        ContainerNetwork network = await Task.Run(() => _networks.Take(spec.Network), cancellationToken);
        try
        {
            return await RunAsync(new ContainerLaunch(Adapt(spec), options, _runtime.Value, directory, network, output), spec.Id, cancellationToken);
        }
        catch (LinuxException failure)
        {
            throw new MicaException(ErrorKind.Failed, $"container {spec.Id}: {failure.Message}", failure);
        }
        finally
        {
            _networks.Return(network, isReusable: !spec.IsPrivileged);
        }
    }

    /// <summary>Why programs of the platform cannot be run in containers here, and the way out, in one line; null when they can.</summary>
    public string? FindObstacle(Platform platform) => new PlatformProbe(options, Platform.Current).FindObstacle(platform);

    /// <summary>Removes what containers of processes that died have left. Containers that run are not touched.</summary>
    /// <returns>The names of those whose remains were removed.</returns>
    public IReadOnlyList<string> RemoveLeftovers() => ContainerDirectory.RemoveLeftovers(options);

    /// <summary>Takes down the networks that containers of this runner had. None may be running any more.</summary>
    public void Dispose() => _networks.Dispose();

    private static async Task<ContainerExit> RunAsync(ContainerLaunch launch, string id, CancellationToken cancellationToken)
    {
        TaskCompletionSource<ContainerExit> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            try
            {
                completion.SetResult(launch.Run());
            }
            catch (Exception failure)
            {
                completion.SetException(failure);
            }
        })
        {
            IsBackground = true,
            Name = $"output of {id}",
        };
        using CancellationTokenRegistration cancelling = cancellationToken.Register(launch.Cancel);
        thread.Start();
        try
        {
            ContainerExit exit = await completion.Task;
            cancellationToken.ThrowIfCancellationRequested();
            return exit;
        }
        finally
        {
            thread.Join();
        }
    }

    /// <summary>With one id there is no owner but root; a step that is to be another's runs as root, and sees itself as root.</summary>
    private ContainerSpec Adapt(ContainerSpec spec) => options.Rung != RuntimeRung.SingleId ? spec : spec with
    {
        User = new ContainerUser(0, 0),
        Mounts = [.. spec.Mounts.Select(mount => mount is SecretMount secret ? secret with { Uid = 0, Gid = 0 } : mount)],
    };

    internal static void Validate(ContainerSpec spec)
    {
        Check(IdPattern().IsMatch(spec.Id), $"{Printable.Of(spec.Id)}: not a name for a container");
        Check(!spec.Command.IsDefaultOrEmpty, $"container {spec.Id}: no command");
        Check(spec.WorkingDirectory.StartsWith('/'), $"container {spec.Id}: working directory {Printable.Of(spec.WorkingDirectory)} is not absolute");
        foreach (ContainerMount mount in spec.Mounts)
        {
            Check(mount.Destination.StartsWith('/'), $"container {spec.Id}: mount on {Printable.Of(mount.Destination)}, which is not absolute");
        }

        foreach (Ulimit limit in spec.Ulimits)
        {
            Check(Rlimits.IsKnown(limit.Name), $"{Printable.Of(limit.Name)}: no such limit");
        }

        foreach (ExtraHost host in spec.ExtraHosts)
        {
            Check(!$"{host.Name}{host.Address}".Any(c => char.IsWhiteSpace(c) || char.IsControl(c)), $"{Printable.Of(host.Name)}: not a line of /etc/hosts");
        }

        int lowers = spec.Root.LowerDirectories.Length;
        Check(lowers <= Overlay.MaxLowerDirectories, $"container {spec.Id}: {lowers} layers, and the kernel takes {Overlay.MaxLowerDirectories}");
    }

    private static void Check(bool condition, string message)
    {
        if (!condition)
        {
            throw new MicaException(ErrorKind.InvalidArgument, message);
        }
    }

    [GeneratedRegex(@"\A[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}\z")]
    private static partial Regex IdPattern();
}
