using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>What the images take. Every number is a sum over the catalog's counters; no directory is walked.</summary>
public sealed record DiskUsage
{
    /// <summary>Newest first, as <see cref="ImageStore.ListAsync"/> gives them.</summary>
    public required ImmutableArray<ImageUsage> Images { get; init; }

    /// <summary>Images that a container uses.</summary>
    public required int ActiveCount { get; init; }

    /// <summary>Sum over the distinct chains of all images: shared layers count once. Docker's SIZE of "Images".</summary>
    public required long Size { get; init; }

    /// <summary>Sum of the unique sizes of the unused images: docker's RECLAIMABLE, which misses what only unused images share.</summary>
    public required long Reclaimable { get; init; }

    /// <summary>
    /// Bytes on the disk, blobs and unpacked layers, that a prune of all unused images would free: all but what the images in
    /// use need.
    /// </summary>
    public required long Freeable { get; init; }

    /// <summary>Bytes of all blobs.</summary>
    public required long Blobs { get; init; }

    /// <summary>Bytes of all unpacked layers.</summary>
    public required long Layers { get; init; }

    /// <summary>Layers that more than one image has, biggest first.</summary>
    public required ImmutableArray<SharedLayer> Shared { get; init; }
}

/// <summary>What one image takes.</summary>
public sealed record ImageUsage
{
    /// <summary>The image.</summary>
    public required StoredImage Image { get; init; }

    /// <summary>The part of <see cref="StoredImage.Size"/> in chains that other images have too.</summary>
    public required long SharedSize { get; init; }

    /// <summary><see cref="StoredImage.Size"/> - <see cref="SharedSize"/>; never negative.</summary>
    public long UniqueSize => Image.Size - SharedSize;
}

/// <summary>A layer, with all below it, that several images have.</summary>
public sealed record SharedLayer(Digest ChainId, Digest DiffId, long Size, ImmutableArray<Digest> Roots);
