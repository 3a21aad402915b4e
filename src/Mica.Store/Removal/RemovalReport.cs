using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>What a removal did, in the order in which it did it.</summary>
public sealed record RemovalReport
{
    /// <summary>Nothing.</summary>
    public static RemovalReport Empty { get; } = new() { Entries = [] };

    /// <summary>Docker's <c>Untagged:</c> and <c>Deleted:</c> lines.</summary>
    public required ImmutableArray<RemovalEntry> Entries { get; init; }

    /// <summary>Bytes of blobs and unpacked layers that were freed.</summary>
    public long FreedBytes { get; init; }
}

/// <summary>One line of a removal.</summary>
public abstract record RemovalEntry
{
    private protected RemovalEntry()
    {
    }
}

/// <summary><paramref name="Name"/>, <c>repository:tag</c> or <c>repository@digest</c> in familiar form, is no name any more.</summary>
public sealed record Untagged(string Name) : RemovalEntry;

/// <summary>The image with this ID, or the chain of layers with this chainID, is gone.</summary>
public sealed record Deleted(Digest Digest) : RemovalEntry;

/// <summary>Which images a prune removes.</summary>
public sealed record ImagePruneOptions
{
    /// <summary>All images that no container uses, with their names; else only the dangling ones whose grace time is over.</summary>
    public bool All { get; init; }

    /// <summary>Only images made before then.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Only images with all of these: <c>key</c> or <c>key=value</c>.</summary>
    public ImmutableArray<string> Labels { get; init; } = [];

    /// <summary>Only images with none of these.</summary>
    public ImmutableArray<string> ExcludedLabels { get; init; } = [];
}
