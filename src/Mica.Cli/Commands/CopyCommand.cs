using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica copy</c>.</summary>
internal sealed class CopyCommand : EngineCommand
{
    private readonly Option<bool> _all;
    private readonly Option<string?> _platform;
    private readonly Option<bool> _quiet;

    public CopyCommand()
        : base("[OPTIONS] SOURCE DESTINATION", "Copy an image between registries, layouts, archives and the store", ArgumentCount.Exactly(2))
    {
        _all = Flag("--all", "-a", "Copy all platforms of a multi-platform image, and the index as it is");
        _platform = Text("--platform", null, "string", "Copy the image for this platform: os[/arch[/variant]]", Completes.Platforms);
        _quiet = Flag("--quiet", "-q", "Suppress verbose output");
        AddInsecure();
        AddMaxLayerSize();
    }

    public override bool StopsInGoodOrder => true;

    public override string Remarks => """
        SOURCE and DESTINATION are one of
          docker://NAME[:TAG|@DIGEST]      a registry
          mica:NAME                        the store
          oci:DIR[:NAME]                   a directory with an OCI layout
          oci-archive:FILE[:NAME]          a tar of one
          docker-archive:FILE[:NAME]       a tar that docker loads
          dir:DIR                          a directory with plain files, as skopeo has them
        """;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForOwners;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica copy --all docker://debian:trixie docker://127.0.0.1:5000/debian:trixie", "mirror an image"),
        ("mica copy mica:app:1.2 oci:/srv/layout:app", "out of the store"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var from = ImageLocation.Parse(invocation.Arguments[0]);
        var to = ImageLocation.Parse(invocation.Arguments[1]);
        var options = new CopyOptions { All = invocation.Value(_all), Platform = invocation.PlatformToFetch(_platform) };
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Copy, invocation.Value(_quiet));
        Descriptor root = await engine.Images.CopyAsync(from, to, options, progress, cancellationToken);
        progress.Result($"{root.Digest}");
        return ExitCodes.Success;
    }
}
