using Mica.Layers;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>Where results of build steps lie besides the store: <c>--cache-from</c>.</summary>
public abstract record CacheSource
{
    private protected CacheSource()
    {
    }
}

/// <summary>A cache, or an image with one inside, at a registry.</summary>
/// <param name="Reference">Its name.</param>
public sealed record RegistryCacheSource(ImageReference Reference) : CacheSource;

/// <summary>A cache in an OCI layout.</summary>
/// <param name="Directory">The layout's directory.</param>
/// <param name="Tag">Its name there.</param>
public sealed record LocalCacheSource(string Directory, string Tag = "latest") : CacheSource;

/// <summary>Where the results of a build go: <c>--cache-to</c>.</summary>
public abstract record CacheTarget
{
    private protected CacheTarget()
    {
    }

    /// <summary>The results of all stages; else only those that led to the image.</summary>
    public bool HasAllStages { get; init; }

    /// <summary>A failure to write it does not fail the build.</summary>
    public bool IgnoresErrors { get; init; }

    /// <summary>How layers are compressed.</summary>
    public LayerCompression Compression { get; init; } = LayerCompression.Gzip;
}

/// <summary>At a registry.</summary>
/// <param name="Reference">The name that will stand for it.</param>
public sealed record RegistryCacheTarget(ImageReference Reference) : CacheTarget;

/// <summary>In an OCI layout, which loses what the cache had under the same name before.</summary>
/// <param name="Directory">The layout's directory.</param>
/// <param name="Tag">Its name there.</param>
public sealed record LocalCacheTarget(string Directory, string Tag = "latest") : CacheTarget;

/// <summary>In the config of the image itself.</summary>
public sealed record InlineCacheTarget : CacheTarget;
