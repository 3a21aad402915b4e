using System.Collections.Immutable;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// An image of the store: what a name stands for, or stood for. Its root is the manifest or the index exactly as it was
/// fetched; an index is one image, with those of its platforms that are here.
/// </summary>
public sealed record StoredImage
{
    /// <summary>The manifest or index.</summary>
    public required Descriptor Root { get; init; }

    /// <summary>The names that stand for it, sorted; none when it is dangling.</summary>
    public required ImmutableArray<StoredName> Names { get; init; }

    /// <summary>
    /// The repositories, such as <c>docker.io/library/debian</c>, known to hold the root under its digest: each makes a
    /// RepoDigest <c>repository@digest</c>.
    /// </summary>
    public required ImmutableArray<string> Repositories { get; init; }

    /// <summary>The manifests of an index in its order, here or not; of a manifest, itself.</summary>
    public required ImmutableArray<ImageVariant> Variants { get; init; }

    /// <summary>The variant for this machine, else the first that is here; null for an artifact and an index without content.</summary>
    public ImageVariant? Primary { get; init; }

    /// <summary>The image ID: the config's digest of <see cref="Primary"/>. The root's digest when there is none.</summary>
    public Digest Id => Primary?.Id ?? Root.Digest;

    /// <summary>When the primary variant was made, as its config says; null when it does not.</summary>
    public DateTimeOffset? Created => Primary?.Created;

    /// <summary>
    /// Bytes of the layers of all variants that are here, each chain of layers counted once. A layer that is not unpacked
    /// counts with its compressed size; an artifact, with its blobs.
    /// </summary>
    public required long Size { get; init; }

    /// <summary>When the image came into the store.</summary>
    public required DateTimeOffset Added { get; init; }

    /// <summary>When it was last pulled, pushed, saved or run.</summary>
    public required DateTimeOffset Used { get; init; }

    /// <summary>When a name last came to stand for it; null when none ever did.</summary>
    public DateTimeOffset? Tagged { get; init; }

    /// <summary>A name moved on from it, and the move can be undone until then; null otherwise.</summary>
    public DateTimeOffset? Retained { get; init; }

    /// <summary>Containers that use one of its variants.</summary>
    public int Containers { get; init; }

    /// <summary>No name stands for it.</summary>
    public bool IsDangling => Names.IsEmpty;
}

/// <summary>A name in full, <c>docker.io/library/debian:trixie</c>, and when it came to stand for its image.</summary>
public sealed record StoredName(string Name, DateTimeOffset Tagged)
{
    /// <summary>The name, parsed.</summary>
    public ImageReference Reference => ImageReference.Parse(Name);
}

/// <summary>One manifest of an image: its form for one platform.</summary>
public sealed record ImageVariant
{
    /// <summary>The manifest, with the platform that the index or the config gives it.</summary>
    public required Descriptor Manifest { get; init; }

    /// <summary>The image ID, which is the config's digest; null when the variant is not here, or is no image.</summary>
    public Digest? Id { get; init; }

    /// <summary>When it was made, as its config says.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>Bytes of its layers; see <see cref="StoredImage.Size"/>. 0 when it is not here.</summary>
    public long Size { get; init; }

    /// <summary>Its manifest, config and layers are here.</summary>
    public bool IsPresent => Id is not null;

    /// <summary>An attestation that travels in the index beside the images.</summary>
    public bool IsAttestation => Manifest.Platform is { Os: "unknown" };

    /// <summary>
    /// Its manifest and all that this refers to are here: of an attestation, which is no image and never <see cref="IsPresent"/>,
    /// whether it can go where its index goes.
    /// </summary>
    public bool IsComplete { get; init; }

    /// <summary>The labels of the config.</summary>
    public ImmutableSortedDictionary<string, string> Labels =>
        LabelText is null ? ImmutableSortedDictionary<string, string>.Empty : LabelJson.Read(LabelText);

    internal string? LabelText { get; init; }
}

/// <summary>Labels as the catalog keeps them: one JSON object.</summary>
internal static class LabelJson
{
    public static string? Write(ImmutableSortedDictionary<string, string>? labels)
    {
        if (labels is null || labels.IsEmpty)
        {
            return null;
        }

        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach ((string key, string value) in labels)
            {
                writer.WriteString(key, value);
            }

            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    public static ImmutableSortedDictionary<string, string> Read(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.EnumerateObject().ToImmutableSortedDictionary(
            label => label.Name, label => label.Value.GetString() ?? "", StringComparer.Ordinal);
    }
}
