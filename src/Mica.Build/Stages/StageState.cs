using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Mica.Dockerfile;
using Mica.Oci;
using Mica.Store;

namespace Mica.Build;

/// <summary>A stage after some of its instructions. Immutable: other stages may go on from here.</summary>
internal sealed record StageState
{
    /// <summary>The layers, base first.</summary>
    public ImmutableArray<(Descriptor Layer, Digest DiffId)> Layers { get; init; } = [];

    /// <summary>Those of the layers that are an image's; null when there are none.</summary>
    public BaseLayers? Base { get; init; }

    /// <summary>The config of the base image with what instructions changed; its history and layers are not kept up to date.</summary>
    public required ImageConfig Config { get; init; }

    public ImmutableArray<HistoryEntry> History { get; init; } = [];

    /// <summary>The results of the steps that led here.</summary>
    public ImmutableArray<BuildRecord> Results { get; init; } = [];

    public required VariableScope Scope { get; init; }

    /// <summary>When the last step that made something was executed; what the next history entries bear.</summary>
    public DateTimeOffset? LastChange { get; init; }

    /// <summary>The image at the bottom of it all; null when that is nothing.</summary>
    public BaseImageState? BaseImage { get; init; }

    /// <summary>Whether this stage has set a CMD itself: an ENTRYPOINT clears an inherited one.</summary>
    public bool HasOwnCommand { get; init; }

    public ContainerConfig Container => Config.Config ?? new ContainerConfig();

    public string WorkingDirectory => Container.WorkingDir is { Length: > 0 } directory ? directory : "/";

    public ImmutableArray<string> Shell => Container.Shell is { IsDefaultOrEmpty: false } shell ? shell : ["/bin/sh", "-c"];

    public IReadOnlyList<Digest> DiffIds => [.. Layers.Select(layer => layer.DiffId)];

    /// <summary>What names the tree of all layers: the chainID, or <c>scratch</c>. OCI image-spec v1.1, config.md, "Layer ChainID".</summary>
    public string Chain
    {
        get
        {
            string chain = "scratch";
            foreach ((_, Digest diffId) in Layers)
            {
                chain = chain == "scratch" ? diffId.ToString()
                    : "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{chain} {diffId}")));
            }

            return chain;
        }
    }

    public StageState With(ContainerConfig container) => this with { Config = Config with { Config = container } };
}

/// <summary>What a stage found when it began, directly or by way of other stages.</summary>
/// <param name="Id">The image ID.</param>
/// <param name="Layers">How many layers of the stage are the image's.</param>
/// <param name="History">How many entries of its history are.</param>
internal sealed record BaseImageState(Digest Id, int Layers, int History);
