using System.Collections.Immutable;
using System.CommandLine;
using Mica.Build;
using Mica.Cli.Building;
using Mica.Cli.CommandLine;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary>What the options of <c>mica build</c> ask the engine for.</summary>
internal sealed partial class BuildCommand
{
    private ImageBuildOptions OptionsOf(Invocation invocation)
    {
        Func<string, string?> variable = invocation.Host.Environment.Variable;
        List<ImageReference> names = [.. Values(invocation, _tags).Select(Tag)];
        ImmutableArray<BuildOutput> outputs = OutputsOf(invocation, names);
        (bool host, bool insecure) = BuildFlag.Allowed(Values(invocation, _allow));
        (ImmutableSortedDictionary<string, string> annotations, ImmutableSortedDictionary<string, string> indexAnnotations) =
            BuildFlag.Annotations(Values(invocation, _annotations));
        string[] platforms = Values(invocation, _platforms);
        return Located(invocation, new ImageBuildOptions
        {
            Context = new DirectoryBuildContext(""),
            Contexts = Values(invocation, _contexts).Select(ContextOf).ToImmutableDictionary(pair => pair.Name, pair => pair.Context),
            Names = [.. names.Distinct()],
            Outputs = outputs,
            Platforms = BuildFlag.Platforms(platforms.Length == 0 && invocation.Host.Environment.DefaultPlatform is { } platform ? [platform] : platforms),
            Target = invocation.Value(_target),
            Arguments = ArgumentsOf(invocation),
            Labels = BuildFlag.Labels(Values(invocation, _labels)),
            Annotations = annotations,
            IndexAnnotations = indexAnnotations,
            NoCache = invocation.Value(_noCache),
            NoCacheStages = [.. Values(invocation, _noCacheFilter).SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries))],
            Pull = invocation.Value(_pull),
            Explain = invocation.Value(_explain),
            PortableModes = invocation.IsGiven(_portableModes) ? invocation.Value(_portableModes) : SettingsOf(invocation).Build.PortableModes,
            Squash = invocation.Value(_squash),
            Secrets = Values(invocation, _secrets).Select(text => BuildFlag.Secret(text, variable))
                .ToImmutableDictionary(pair => pair.Id, pair => pair.Secret),
            SshSockets = Values(invocation, _ssh).Select(text => BuildFlag.Ssh(text, variable)).ToImmutableDictionary(pair => pair.Id, pair => pair.Socket),
            Network = BuildFlag.Network(invocation.Value(_network)),
            AllowHostNetwork = host,
            AllowInsecure = insecure,
            ExtraHosts = BuildFlag.Hosts(Values(invocation, _addHosts)),
            ShmSize = invocation.Value(_shmSize) is { } size ? ByteSize.Parse(size, "--shm-size") : null,
            Ulimits = BuildFlag.Ulimits(Values(invocation, _ulimits)),
            Provenance = AttestFlag.Parse(Values(invocation, _attests), invocation.Value(_provenance), invocation.Value(_sbom)),
            StepTimeout = BuildFlag.Duration(invocation.Value(_timeout), "--timeout"),
            CacheFrom = [.. Values(invocation, _cacheFrom).Select(CacheFlag.Source)],
            CacheTo = [.. Values(invocation, _cacheTo).Select(CacheFlag.Target)],
        });
    }

    /// <summary>The same with the context and the Dockerfile that are meant.</summary>
    private ImageBuildOptions Located(Invocation invocation, ImageBuildOptions options)
    {
        string context = invocation.Arguments[0];
        string? file = invocation.Value(_file);
        if (context == "-" && file == "-")
        {
            throw invocation.Misuse("invalid argument: can't use stdin for both build context and dockerfile");
        }

        Stream? content = file == "-" ? invocation.Host.OpenInput() : null;
        if (invocation.Value(_locked) && (context == "-" || BuildContextText.ParseRemote(context) is not null))
        {
            throw new MicaException(ErrorKind.Unsupported, $"--locked: the context has to be a directory, beside whose Dockerfile {BuildLock.FileName} lies");
        }

        if (context == "-")
        {
            return options with { Context = new StreamBuildContext(invocation.Host.OpenInput()), DockerfilePath = file };
        }

        if (BuildContextText.ParseRemote(context) is { } remote)
        {
            return options with { Context = remote, DockerfilePath = content is null ? file : null, DockerfileContent = content };
        }

        string directory = Path.GetFullPath(context);
        return options with
        {
            Context = new DirectoryBuildContext(directory),
            DockerfileContent = content,
            Lock = invocation.Value(_locked) ? LockOf(directory, content is null ? file : null) : null,

            // A path is one from here; from the context only when there is none here.
            DockerfilePath = content is not null || file is null ? null
                : File.Exists(file) || !File.Exists(Path.Combine(directory, file)) ? Path.GetFullPath(file) : Path.Combine(directory, file),
        };
    }

    private static BuildLock LockOf(string directory, string? file)
    {
        string path = LockCommand.PathOf(directory, file);
        return LockCommand.Read(path) ?? throw new MicaException(ErrorKind.NotFound, $"{Printable.Of(path)}: no such file: run mica lock");
    }

    private static ImageReference Tag(string text)
    {
        var reference = ImageReference.Parse(text);
        return reference.Digest is null ? reference.WithDefaultTag()
            : throw new MicaException(ErrorKind.InvalidArgument, $"invalid tag \"{Printable.Of(text)}\": it has a digest");
    }

    private static (string Name, NamedBuildContext Context) ContextOf(string text)
    {
        (string name, string? value) = BuildFlag.Pair(text);
        return name.Length > 0 && value is { Length: > 0 }
            ? (name, NamedBuildContext.Parse(value, Environment.CurrentDirectory))
            : throw new MicaException(ErrorKind.InvalidArgument, $"invalid context value: {Printable.Of(text)}, expected key=value");
    }

    /// <summary>Proxies come from docker's configuration, as docker's client adds them; what is given goes before.</summary>
    private ImmutableDictionary<string, string> ArgumentsOf(Invocation invocation)
    {
        const string Epoch = "SOURCE_DATE_EPOCH";
        Func<string, string?> variable = invocation.Host.Environment.Variable;
        var arguments = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        arguments.AddRange(DockerProxies.Read(invocation.Host.Environment));
        if (variable(Epoch) is { Length: > 0 } epoch)
        {
            arguments[Epoch] = epoch;
        }

        foreach ((string name, string value) in BuildFlag.Arguments(Values(invocation, _arguments), variable))
        {
            arguments[name] = value;
        }

        return arguments.ToImmutable();
    }

    private ImmutableArray<BuildOutput> OutputsOf(Invocation invocation, List<ImageReference> names)
    {
        List<BuildOutput> outputs = [.. Values(invocation, _outputs).Select(text => OutputFlag.Parse(text, invocation, names))];
        if (invocation.Value(_push))
        {
            outputs.RemoveAll(output => output is ImageOutput { Push: false });
            outputs.Add(new ImageOutput(Push: true));
        }

        if (invocation.Value(_load) && !outputs.Any(output => output is ImageOutput))
        {
            outputs.Add(new ImageOutput());
        }

        return [.. outputs];
    }

    private static string[] Values(Invocation invocation, Option<string[]> option) => invocation.Value(option) ?? [];
}
