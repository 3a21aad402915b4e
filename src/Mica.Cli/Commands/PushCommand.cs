using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica push</c>.</summary>
internal sealed class PushCommand : EngineCommand
{
    private readonly Option<bool> _allTags;
    private readonly Option<string?> _compression;
    private readonly Option<string?> _platform;
    private readonly Option<bool> _quiet;

    public PushCommand()
        : base("[OPTIONS] NAME[:TAG]", "Upload an image to a registry", ArgumentCount.Exactly(1))
    {
        _allTags = Flag("--all-tags", "-a", "Push all tags of an image to the repository");
        _compression = Text("--compression", null, "string",
            "Compress the layers anew with gzip or zstd, unless they are so already; gives the image another digest", choices: ["gzip", "zstd"]);
        _platform = Text("--platform", null, "string", "Push only the manifest for this platform: os[/arch[/variant]]", Completes.Platforms);
        _quiet = Flag("--quiet", "-q", "Suppress verbose output");
        AddInsecure();
    }

    public override bool StopsInGoodOrder => true;

    public override Completes Completes => Completes.Images;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica push 127.0.0.1:5000/app:1.2", "the image that has this name"),
        ("mica push --all-tags ghcr.io/owner/app", "every tag of the repository"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = ImageReference.Parse(invocation.Arguments[0]);
        bool all = invocation.Value(_allTags);
        if (all && reference is not { Tag: null, Digest: null })
        {
            throw invocation.Misuse("tag can't be used with --all-tags/-a");
        }

        var options = new PushOptions { Platform = invocation.PlatformOf(_platform), Compression = CompressionOf(invocation) };
        bool quiet = invocation.Value(_quiet);
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Push, quiet);
        if (reference is { Tag: null, Digest: null } && !all)
        {
            progress.Line($"Using default tag: {ImageReference.DefaultTag}");
        }

        progress.Line($"The push refers to repository [{reference.Name}]");
        if (all)
        {
            await foreach (PushResult result in engine.Images.PushAllTagsAsync(reference, options, progress, cancellationToken))
            {
                Finish(progress, result);
            }
        }
        else
        {
            Finish(progress, await engine.Images.PushAsync(reference, options, progress, cancellationToken));
        }

        if (quiet)
        {
            progress.Result($"{(all ? reference : reference.WithDefaultTag())}");
        }

        return ExitCodes.Success;
    }

    private static void Finish(ProgressOutput progress, PushResult result) =>
        progress.Line($"digest: {result.Root.Digest} size: {result.Root.Size}", result.Reference.Tag);

    private LayerCompression? CompressionOf(Invocation invocation) => invocation.Value(_compression) switch
    {
        null => null,
        "gzip" => LayerCompression.Gzip,
        "zstd" => LayerCompression.Zstd,
        string other => throw invocation.Misuse($"invalid argument \"{Printable.Of(other)}\" for \"--compression\" flag: must be gzip or zstd"),
    };
}
