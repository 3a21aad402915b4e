using Mica.Oci;

namespace Mica.Store;

/// <summary>The result of a build step that was executed once.</summary>
public sealed record BuildRecord
{
    /// <summary>The digest of what went into the step.</summary>
    public required Digest Key { get; init; }

    /// <summary>The step's place in its Dockerfile, by which builds are compared.</summary>
    public required string Slot { get; init; }

    /// <summary>The step in a line, for people.</summary>
    public required string Description { get; init; }

    /// <summary>What went into it, as JSON: what <see cref="Key"/> is the digest of.</summary>
    public required string Inputs { get; init; }

    /// <summary>Another key of it, which builds know without a look at files; only where it is made or found by a build.</summary>
    public Digest? Alias { get; init; }

    /// <summary>The layer it made, in the form that is here; null when it changed nothing.</summary>
    public Descriptor? Layer { get; init; }

    /// <summary>The layer's diffID.</summary>
    public Digest? DiffId { get; init; }

    /// <summary>The time that the image's history gives to the step.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>When a build used it last.</summary>
    public DateTimeOffset Used { get; init; }

    /// <summary>How often a build used it.</summary>
    public long Uses { get; init; }

    /// <summary>Bytes of the layer's files and tar that only build records need.</summary>
    public long OwnBytes { get; init; }
}
