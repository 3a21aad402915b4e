using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>What a check does beyond reading.</summary>
public sealed record StoreCheckOptions
{
    /// <summary>
    /// Removes what is damaged, unpacks layers again from blobs that are whole, and removes what no row knows; what must be
    /// fetched again is told in <see cref="StoreCheckReport.Missing"/>.
    /// </summary>
    public bool Repair { get; init; }

    /// <summary>Compares every unpacked layer, file by file, with what its blob unpacks to.</summary>
    public bool Deep { get; init; }
}

/// <summary>What a check found.</summary>
public sealed record StoreCheckReport
{
    /// <summary>Blobs that were read and hashed.</summary>
    public required int Blobs { get; init; }

    /// <summary>Their bytes.</summary>
    public required long BlobBytes { get; init; }

    /// <summary>Unpacked layers that were looked at.</summary>
    public required int Layers { get; init; }

    /// <summary>Everything that is wrong or was.</summary>
    public required ImmutableArray<StoreFinding> Findings { get; init; }

    /// <summary>What images need and the store has not, or has only damaged.</summary>
    public required ImmutableArray<MissingContent> Missing { get; init; }

    /// <summary>
    /// Nothing is wrong, or nothing any more. Files that the catalog does not know, as a killed process may leave them, harm
    /// nothing.
    /// </summary>
    public bool IsWhole => Missing.IsEmpty && Findings.All(finding => finding.IsRepaired || finding.IsLeftover);
}

/// <summary>What is wrong with a part of the store.</summary>
public enum StoreFindingKind
{
    /// <summary>The database is inconsistent; only a rebuild helps.</summary>
    CatalogDamaged,

    /// <summary>A blob is not what its digest says.</summary>
    BlobDamaged,

    /// <summary>A blob's file is gone.</summary>
    BlobMissing,

    /// <summary>A file in blobs/ that the catalog does not know.</summary>
    BlobUnknown,

    /// <summary>An unpacked layer is not what it was.</summary>
    LayerDamaged,

    /// <summary>An unpacked layer's directory is gone.</summary>
    LayerMissing,

    /// <summary>A directory in layers/ that the catalog does not know.</summary>
    LayerUnknown,

    /// <summary>An image lacks content.</summary>
    ImageIncomplete,

    /// <summary>A name stands for nothing.</summary>
    NameBroken,
}

/// <summary>One thing that is wrong: the digest or name of it, and how, in a line.</summary>
public sealed record StoreFinding(StoreFindingKind Kind, string Subject, string Message, bool IsRepaired)
{
    /// <summary>What a killed process may leave: nothing needs it, and nothing is wrong without it.</summary>
    public bool IsLeftover => Kind is StoreFindingKind.BlobUnknown or StoreFindingKind.LayerUnknown;
}

/// <summary>
/// Content that must be fetched again. A layer with its <paramref name="DiffId"/> comes in by
/// <see cref="StoreLease.FetchLayerAsync"/>, other content by <see cref="StoreLease.WriteAsync"/>; the images are whole then
/// without another commit.
/// </summary>
/// <param name="Descriptor">What is missing.</param>
/// <param name="DiffId">Of a layer.</param>
/// <param name="Repositories">Where images that need it came from, such as <c>docker.io/library/debian</c>.</param>
public sealed record MissingContent(Descriptor Descriptor, Digest? DiffId, ImmutableArray<string> Repositories);
