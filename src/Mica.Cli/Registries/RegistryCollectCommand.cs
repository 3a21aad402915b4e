using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Collection;

namespace Mica.Cli.Registries;

/// <summary><c>mica registry gc</c>.</summary>
internal sealed class RegistryCollectCommand : RegistryDataCommand
{
    private readonly Option<string?> _explain;

    public RegistryCollectCommand()
        : base("[OPTIONS]", "Remove what nothing in the registry needs, now", ArgumentCount.None)
    {
        _explain = Text("--explain", null, "digest", "Remove nothing; say what keeps this blob or manifest");
    }

    public override string Remarks =>
        "A registry collects garbage by itself, every minute, while it serves; this does the same at once, beside it or without it.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica registry gc --explain sha256:9f86d0…", "which tags and manifests keep these bytes"),
    ];

    protected override async Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Value(_explain) is { } text)
        {
            var digest = Digest.Parse(text);
            ImmutableArray<string> reasons = await data.ExplainAsync(digest, cancellationToken);
            foreach (string reason in reasons)
            {
                await invocation.Output.WriteLineAsync(reason);
            }

            return reasons.IsEmpty
                ? throw new MicaException(ErrorKind.NotFound, $"{digest}: the registry has nothing of that digest")
                : ExitCodes.Success;
        }

        CollectionReport report = await data.CollectAsync(cancellationToken);
        await invocation.Output.WriteLineAsync(
            $"Removed {report.Blobs} blobs, {report.Manifests} manifests, {report.Uploads} uploads, {report.Repositories} repositories");
        await invocation.Output.WriteLineAsync($"Total reclaimed space: {HumanSize.Short(report.Bytes)}");
        return ExitCodes.Success;
    }
}
