using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>One variant of an image in full: what <c>inspect</c> and <c>history</c> show.</summary>
public sealed record ImageDetails
{
    /// <summary>The image.</summary>
    public required StoredImage Image { get; init; }

    /// <summary>The variant that was asked for.</summary>
    public required ImageVariant Variant { get; init; }

    /// <summary>Every name of every image with this ID, sorted: RepoTags.</summary>
    public required ImmutableArray<StoredName> Names { get; init; }

    /// <summary>Every <c>repository@digest</c> of every image with this ID, sorted: RepoDigests.</summary>
    public required ImmutableArray<string> RepositoryDigests { get; init; }

    /// <summary>The variant's manifest.</summary>
    public required ImageManifest Manifest { get; init; }

    /// <summary>The variant's config.</summary>
    public required ImageConfig Config { get; init; }

    /// <summary>Base layer first.</summary>
    public required ImmutableArray<ImageLayer> Layers { get; init; }

    /// <summary>The steps that made the image, newest first, each with its layer.</summary>
    public ImmutableArray<HistoryRow> History
    {
        get
        {
            var rows = ImmutableArray.CreateBuilder<HistoryRow>();
            int next = 0;
            foreach (HistoryEntry entry in Config.History)
            {
                bool hasLayer = !entry.EmptyLayer && next < Layers.Length;
                rows.Add(new HistoryRow(entry, hasLayer ? Layers[next++] : null));
            }

            // Some builders write no history, or too little: the layers are there all the same.
            for (; next < Layers.Length; next++)
            {
                rows.Add(new HistoryRow(new HistoryEntry(), Layers[next]));
            }

            rows.Reverse();
            return rows.ToImmutable();
        }
    }
}

/// <summary>A layer at its place in an image.</summary>
public sealed record ImageLayer
{
    /// <summary>The compressed layer, as the manifest names it.</summary>
    public required Descriptor Blob { get; init; }

    /// <summary>Digest of the uncompressed tar.</summary>
    public required Digest DiffId { get; init; }

    /// <summary>Digest of this layer and all below it. OCI image-spec v1.1, config.md#layer-chainid.</summary>
    public required Digest ChainId { get; init; }

    /// <summary>Bytes of the unpacked files; null when the layer is not unpacked here.</summary>
    public long? UnpackedSize { get; init; }

    /// <summary>The directory with the unpacked tree in overlay form; null when the layer is not unpacked here.</summary>
    public string? Directory { get; init; }

    /// <summary>
    /// The layer says that nothing of the layers below it shows. overlayfs does not look at the root of a layer, so a mount
    /// leaves the lower ones out.
    /// </summary>
    public bool HidesLowerLayers { get; init; }

    /// <summary>The roots of the other images that have this diffID; whatever lies below it, they share its directory.</summary>
    public ImmutableArray<Digest> SharedWith { get; init; } = [];

    /// <summary>What the layer adds to the size of its image.</summary>
    public long Size => UnpackedSize ?? Blob.Size;
}

/// <summary>A row of an image's history, and the layer that the step made.</summary>
public sealed record HistoryRow(HistoryEntry Entry, ImageLayer? Layer)
{
    /// <summary>0 for a step without a layer.</summary>
    public long Size => Layer?.Size ?? 0;
}

/// <summary>A move of a name. Names are never moved without one.</summary>
public sealed record JournalEntry
{
    /// <summary>Rises with time.</summary>
    public required long Sequence { get; init; }

    /// <summary>The name in full.</summary>
    public required string Name { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The root that the name stood for; null: it was new.</summary>
    public Digest? From { get; init; }

    /// <summary>The root that it stands for since; null: it was removed.</summary>
    public Digest? To { get; init; }

    /// <summary>What did it, in the words of whoever moved the name: <c>pull</c>, <c>tag</c>, <c>rmi</c>, <c>undo</c>, ….</summary>
    public required string Cause { get; init; }

    /// <summary>The sequence of the move that this one takes back.</summary>
    public long? Undoes { get; init; }

    /// <summary>Whether <see cref="From"/> is still in the store, so that the move can be undone.</summary>
    public bool CanUndo { get; init; }
}

/// <summary>What a commit or a tag did to a name.</summary>
public sealed record NameMove(string Name, Digest? From, Digest? To)
{
    /// <summary>The name stands for what it stood for before.</summary>
    public bool IsUnchanged => From == To;
}
