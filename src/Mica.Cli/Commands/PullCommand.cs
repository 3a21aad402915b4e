using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica pull</c>.</summary>
internal sealed class PullCommand : EngineCommand
{
    private readonly Option<bool> _allTags;
    private readonly Option<bool> _allPlatforms;
    private readonly Option<string?> _platform;
    private readonly Option<bool> _quiet;

    public PullCommand()
        : base("[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry", ArgumentCount.Exactly(1))
    {
        _allTags = Flag("--all-tags", "-a", "Download all tagged images in the repository");
        _allPlatforms = Flag("--all-platforms", null, "Download every platform of a multi-platform image");
        _platform = Text("--platform", null, "string", "Download the image for this platform: os[/arch[/variant]]", Completes.Platforms);
        _quiet = Flag("--quiet", "-q", "Suppress verbose output");
        AddInsecure();
        AddMaxLayerSize();
    }

    public override bool StopsInGoodOrder => true;

    public override Completes Completes => Completes.Images;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForOwners;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica pull debian:trixie-slim", "from Docker Hub"),
        ("mica pull --platform linux/arm64 ghcr.io/owner/app:1.2", "for another platform"),
        ("mica pull 127.0.0.1:5000/app@sha256:…", "exactly these bytes"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = ImageReference.Parse(invocation.Arguments[0]);
        bool isBare = reference is { Tag: null, Digest: null };
        bool all = invocation.Value(_allTags);
        if (all && !isBare)
        {
            throw invocation.Misuse("tag can't be used with --all-tags/-a");
        }

        var options = new PullOptions { Platform = invocation.PlatformToFetch(_platform), AllPlatforms = invocation.Value(_allPlatforms) };
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Pull, invocation.Value(_quiet));
        if (all)
        {
            await foreach (PullResult result in engine.Images.PullAllTagsAsync(reference, options, progress, cancellationToken))
            {
                Finish(progress, result);
            }
        }
        else
        {
            if (isBare)
            {
                progress.Line($"Using default tag: {ImageReference.DefaultTag}");
            }

            Finish(progress, await engine.Images.PullAsync(reference, options, progress, cancellationToken));
        }

        progress.Result($"{(all ? reference : reference.WithDefaultTag())}");
        return ExitCodes.Success;
    }

    private static void Finish(ProgressOutput progress, PullResult result)
    {
        progress.Line($"Digest: {result.Root.Digest}");
        progress.Line(result.Changed
            ? $"Status: Downloaded newer image for {result.Reference.Familiar}"
            : $"Status: Image is up to date for {result.Reference.Familiar}");
    }
}
