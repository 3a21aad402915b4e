using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;
using BindMount = Mica.Dockerfile.BindMount;
using SecretMount = Mica.Dockerfile.SecretMount;
using TmpfsMount = Mica.Dockerfile.TmpfsMount;

namespace Mica.Build;

/// <summary>The <c>--mount</c> flags of a RUN: what of them counts for its key, and what its container sees.</summary>
internal sealed class RunMounts
{
    private readonly StageStep _step;
    private readonly string _workingDirectory;
    private readonly List<(RunMount Mount, StepSource? Source)> _mounts = [];

    private RunMounts(StageStep step, string workingDirectory)
    {
        _step = step;
        _workingDirectory = workingDirectory;
    }

    /// <summary>Whether files are mounted, and all of them have a name without a look at them.</summary>
    public bool HaveQuickNames => _mounts.Where(one => one.Mount is BindMount).Select(one => one.Source!.Chain) is var chains && chains.Any() && !chains.Contains(null);

    public static async Task<RunMounts> ResolveAsync(StageStep step, RunInstruction run, StageState state)
    {
        var mounts = new RunMounts(step, state.WorkingDirectory);
        foreach (RunMount mount in step.Run.Expander.Mounts(run, state.Scope))
        {
            mounts._mounts.Add((mount, mount switch
            {
                BindMount bind => await step.Stage.SourceAsync(bind.From, step.Original),
                CacheMount { From: { } from } => await step.Stage.SourceAsync(from, step.Original),
                _ => null,
            }));
        }

        return mounts;
    }

    /// <summary>
    /// What is mounted counts by its content, or, for a quick look, by the layers that it is of; caches and secrets count by what
    /// names them alone.
    /// </summary>
    public async Task DescribeAsync(StepInputs inputs, bool quick, CancellationToken cancellationToken)
    {
        foreach ((RunMount mount, StepSource? source) in _mounts)
        {
            inputs.Add($"mount {mount.GetType().Name} {Target(mount)}", mount switch
            {
                BindMount bind => $"{bind.Source} {(quick ? source!.Chain : await ContentAsync(source!, bind.Source, cancellationToken))} {(bind.ReadOnly ? "ro" : "rw")}",
                CacheMount cache => $"{cache.Id} {cache.Sharing}{(source is null ? "" : $" {cache.Source} {source.Name} {source.Chain}")}",
                TmpfsMount tmpfs => $"{tmpfs.Size}",
                SecretMount secret => $"{secret.Id} {secret.Target} {secret.Environment}",
                SshMount ssh => ssh.Id,
                _ => "",
            });
        }
    }

    /// <summary>Opens what the container is to see; caches that are not shared stay locked until the result is disposed.</summary>
    public async Task<Held> OpenAsync(CancellationToken cancellationToken)
    {
        var held = new Held();
        try
        {
            int agents = 0;
            foreach ((RunMount mount, StepSource? source) in _mounts)
            {
                switch (mount)
                {
                    case BindMount bind:
                        held.Mounts.Add(new TreeMount(await TreesAsync(source!, cancellationToken), bind.Source ?? "/", Target(bind)) { DiscardsWrites = !bind.ReadOnly });
                        break;
                    case CacheMount cache:
                        string directory = await new CacheDirectory(_step.Run, cache, Target(cache), source).OpenAsync(held.Locks, cancellationToken);
                        held.Mounts.Add(new Runtime.BindMount(directory, Target(cache)) { IsReadOnly = cache.ReadOnly });
                        break;
                    case TmpfsMount tmpfs:
                        held.Mounts.Add(new Runtime.TmpfsMount(Target(tmpfs)) { SizeBytes = tmpfs.Size });
                        break;
                    case SecretMount secret:
                        OpenSecret(held, secret);
                        break;
                    case SshMount ssh:
                        OpenAgent(held, ssh, agents++);
                        break;
                }
            }

            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>The directories that make the source's tree, the topmost first.</summary>
    private async Task<ImmutableArray<string>> TreesAsync(StepSource source, CancellationToken cancellationToken)
    {
        ISourceTree tree = await source.OpenAsync();
        if (tree is not ContextTree context)
        {
            return ((StackTree)tree).Trees;
        }

        string mask = _step.Run.Workspace.NewDirectory("mask");
        return await Task.Run(() => ContextMask.Write(context.Directory, context.Ignored, mask, cancellationToken), cancellationToken)
            ? [mask, context.Directory] : [context.Directory];
    }

    /// <summary>A digest of the files at a path. All the files of an image or a stage have one: that of their layers.</summary>
    private async Task<string> ContentAsync(StepSource source, string? path, CancellationToken cancellationToken)
    {
        string clean = GlobPath.Clean("/" + (path ?? ""))[1..];
        if (clean.Length == 0 && source.Chain is { } chain)
        {
            return chain;
        }

        ISourceTree tree = await source.OpenAsync();
        return await Task.Run(() =>
        {
            LinuxPath start = tree.Resolve(new LinuxPath(clean));
            if (tree.Find(start) is not { } status)
            {
                throw new MicaException(ErrorKind.NotFound, $"\"/{start}\": not found in {tree.DisplayName}");
            }

            var inputs = new StepInputs();
            var digest = new SourceDigest(tree, PatternList.Empty, withModes: true, withOwners: true, _step.Run.Options.PortableModes && tree.IsOwnedByRoot);
            digest.Add(start, default, status, cancellationToken);
            digest.WriteTo(inputs);
            return inputs.Finish().Key.ToString();
        }, cancellationToken);
    }

    private string Absolute(string target) => GlobPath.Clean(target.StartsWith('/') ? target : $"{_workingDirectory}/{target}");

    private string Target(RunMount mount) => mount switch
    {
        BindMount bind => Absolute(bind.Target),
        CacheMount cache => Absolute(cache.Target),
        TmpfsMount tmpfs => Absolute(tmpfs.Target),
        SecretMount secret => secret.Target is { } target ? Absolute(target) : secret.Environment is null ? $"/run/secrets/{secret.Id}" : "",
        SshMount ssh => ssh.Target is { } target ? Absolute(target) : "",
        _ => "",
    };

    private void OpenSecret(Held held, SecretMount secret)
    {
        if (_step.Run.Options.Secrets.GetValueOrDefault(secret.Id) is not { } given)
        {
            if (secret.Required)
            {
                throw new MicaException(ErrorKind.NotFound, $"secret {Printable.Of(secret.Id)}: not found: give it with --secret id={Printable.Of(secret.Id)},src=FILE");
            }

            return;
        }

        ReadOnlyMemory<byte> value = given.File is { } file ? File.ReadAllBytes(file) : given.Value;
        if (secret.Environment is { } variable)
        {
            held.Environment.Add($"{variable}={Encoding.UTF8.GetString(value.Span)}");
        }

        if (Target(secret) is { Length: > 0 } target)
        {
            held.Mounts.Add(new Runtime.SecretMount(value, target)
            {
                Mode = (uint)(secret.Ownership.Mode ?? 0x100),
                Uid = (uint)(secret.Ownership.UserId ?? 0),
                Gid = (uint)(secret.Ownership.GroupId ?? 0),
            });
        }
    }

    private void OpenAgent(Held held, SshMount ssh, int number)
    {
        if (_step.Run.Options.SshSockets.GetValueOrDefault(ssh.Id) is not { } socket)
        {
            if (ssh.Required)
            {
                throw new MicaException(ErrorKind.NotFound, $"ssh agent {Printable.Of(ssh.Id)}: not found: give it with --ssh {Printable.Of(ssh.Id)}");
            }

            return;
        }

        string target = Target(ssh) is { Length: > 0 } given ? given : string.Create(CultureInfo.InvariantCulture, $"/run/buildkit/ssh_agent.{number}");
        held.Mounts.Add(new Runtime.BindMount(socket, target));
        if (number == 0)
        {
            held.Environment.Add($"SSH_AUTH_SOCK={target}");
        }
    }

    /// <summary>What is mounted, and the locks of caches.</summary>
    internal sealed class Held : IDisposable
    {
        public List<ContainerMount> Mounts { get; } = [];

        public List<string> Environment { get; } = [];

        public List<FileLock> Locks { get; } = [];

        public void Dispose() => Locks.ForEach(taken => taken.Dispose());
    }
}
