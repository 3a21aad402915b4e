using System.Collections.Immutable;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>What <c>inspect</c> shows of an image, be it in the store or at its registry.</summary>
internal sealed record InspectedImage(Digest Id, Descriptor Root, ImageConfig Config)
{
    /// <summary>Names in familiar form.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary><c>repository@digest</c> in familiar form.</summary>
    public ImmutableArray<string> RepositoryDigests { get; init; } = [];

    public DateTimeOffset? Tagged { get; init; }

    /// <summary>Base layer first.</summary>
    public ImmutableArray<InspectedLayer> Layers { get; init; } = [];

    public static InspectedImage Of(ImageDetails details) => new(details.Manifest.Config.Digest, details.Image.Root, details.Config)
    {
        Tags = [.. details.Names.Select(name => name.Reference.Familiar)],
        RepositoryDigests = [.. details.RepositoryDigests.Select(text => ImageReference.Parse(text).Familiar)],
        Tagged = details.Image.Tagged,
        Layers = [.. details.Layers.Select(layer => new InspectedLayer(layer.Blob, layer.DiffId)
        {
            UnpackedSize = layer.UnpackedSize,
            Directory = layer.Directory,
            SharedWith = [.. layer.SharedWith.Select(root => root.ToString())],
        })],
    };

    /// <summary>An image that was only looked at, under the name that was asked for.</summary>
    public static InspectedImage Of(Image image, ImageReference reference) => new(image.Id, image.Root, image.Config)
    {
        Tags = reference.Tag is null ? [] : [reference.WithTag(reference.Tag).Familiar],
        RepositoryDigests = [reference.WithDigest(image.Root.Digest).Familiar],
        Layers = [.. image.Layers.Select(layer => new InspectedLayer(layer.Layer, layer.DiffId))],
    };
}

/// <summary>A layer of an image that is shown; <see cref="UnpackedSize"/> and <see cref="Directory"/> are null where it is not unpacked.</summary>
internal sealed record InspectedLayer(Descriptor Blob, Digest DiffId)
{
    public long? UnpackedSize { get; init; }

    public string? Directory { get; init; }

    public ImmutableArray<string> SharedWith { get; init; } = [];

    public long Size => UnpackedSize ?? Blob.Size;
}
