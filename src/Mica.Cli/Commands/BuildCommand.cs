using System.Collections.Immutable;
using Mica.Cli.Building;
using Mica.Cli.CommandLine;
using Mica.Dockerfile;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica build</c>, <c>mica image build</c>, <c>mica builder build</c>.</summary>
internal sealed partial class BuildCommand : EngineCommand
{
    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    public override bool StopsInGoodOrder => true;

    public override Completes Completes => Completes.Files;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica build -t app:1.2 .", "the Dockerfile of this directory"),
        ("mica build -f Dockerfile.test --target test .", "another one, and not its last stage"),
        ("mica build --explain -t app .", "and why steps are not taken from the cache"),
        ("mica build -o out --target binaries .", "files in place of an image"),
        ("mica build https://github.com/owner/app.git#main:server", "a directory of a git repository"),
    ];

    protected override EngineOptions OptionsFor(Invocation invocation) =>
        base.OptionsFor(invocation) with { BuildCacheLimits = SettingsOf(invocation).Build.Cache.Limits("config.json") };

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        ImageBuildOptions options = OptionsOf(invocation);
        if (invocation.Value(_explainIgnore) is { } path)
        {
            invocation.Output.Write(await engine.Builds.ExplainIgnoreAsync(options, path, cancellationToken) + "\n");
            return ExitCodes.Success;
        }

        (string method, bool json) = MethodOf(invocation);
        switch (method)
        {
            case "check":
                return CheckedText.Write(invocation.Output, await engine.Builds.CheckAsync(options, cancellationToken), json);
            case "outline":
                OutlineReport outline = await engine.Builds.OutlineAsync(options, cancellationToken);
                invocation.Output.Write(json ? outline.ToJson() : outline.ToText());
                return ExitCodes.Success;
            case "targets":
                TargetsReport targets = await engine.Builds.TargetsAsync(options, cancellationToken);
                invocation.Output.Write(json ? targets.ToJson() : targets.ToText());
                return ExitCodes.Success;
        }

        bool quiet = invocation.Value(_quiet);
        bool opensShell = BuildFlag.OpensShell(invocation.Value(_onFail), invocation.Host);
        BuiltImage built;
        using (var progress = BuildProgress.Start(invocation, quiet))
        {
            var shell = new FailureShell(invocation.Host.Error, progress);
            built = await shell.WatchAsync(() => engine.Builds.BuildAsync(
                opensShell ? options with { OnFailure = shell.OpenAsync } : options, progress, cancellationToken));
        }

        await WriteFilesAsync(invocation, options, built, cancellationToken);
        if (quiet)
        {
            invocation.Output.Write($"{built.Id}\n");
            return ExitCodes.Success;
        }

        invocation.Host.Error.Write(CheckedText.AfterBuild(built.Warnings, invocation.Globals));
        return ExitCodes.Success;
    }

    private async Task WriteFilesAsync(Invocation invocation, ImageBuildOptions options, BuiltImage built, CancellationToken cancellationToken)
    {
        if (invocation.Value(_idFile) is { } idFile)
        {
            await ResultFile.WriteAsync(idFile, built.Id.ToString(), cancellationToken);
        }

        if (invocation.Value(_metadataFile) is { } metadataFile)
        {
            await ResultFile.WriteAsync(metadataFile, ResultFile.Metadata(built, options.Names), cancellationToken);
        }
    }

    /// <summary>What to do with the Dockerfile, and whether to print it as JSON.</summary>
    private (string Method, bool Json) MethodOf(Invocation invocation)
    {
        string[] parts = (invocation.Value(_call) ?? (invocation.Value(_check) ? "check" : "build")).Split(',');
        string method = parts[0] is "lint" ? "check" : parts[0];
        string[] others = [.. parts[1..].Where(part => part is not ("format=json" or "format=text"))];
        return method is "build" or "check" or "outline" or "targets" && others.Length == 0
            ? (method, parts.Contains("format=json"))
            : throw invocation.Misuse($"invalid argument \"{Printable.Of(invocation.Value(_call))}\" for \"--call\" flag: must be build, check, outline or targets, and ,format=json");
    }
}
