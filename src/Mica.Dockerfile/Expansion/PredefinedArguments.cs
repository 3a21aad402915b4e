using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>Build arguments that need no ARG, or get their value without <c>--build-arg</c>. Dockerfile reference, "Predefined ARGs".</summary>
public static class PredefinedArguments
{
    /// <summary>Usable in RUN without ARG; not part of the history and the cache key.</summary>
    public static FrozenSet<string> Proxies { get; } = new[]
    {
        "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>In the global scope; a stage that wants one declares it.</summary>
    public static ImmutableArray<string> Platforms { get; } =
    [
        "BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT",
        "TARGETPLATFORM", "TARGETOS", "TARGETOSVERSION", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
    ];

    /// <summary>Change the build when given with <c>--build-arg</c>.</summary>
    public static FrozenSet<string> BuiltIn { get; } = new[]
    {
        "BUILDKIT_BUILD_NAME", "BUILDKIT_CACHE_MOUNT_NS", "BUILDKIT_CONTEXT_KEEP_GIT_DIR", "BUILDKIT_INLINE_CACHE",
        "BUILDKIT_MULTI_PLATFORM", "BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_SYNTAX", "BUILDKIT_DOCKERFILE_CHECK",
        "BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE", "SOURCE_DATE_EPOCH",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Read by scanners from the Dockerfile itself, so they may be used where nothing declares them.</summary>
    internal static bool IsReadByScanners(string name) => name is "BUILDKIT_SBOM_SCAN_CONTEXT" or "BUILDKIT_SBOM_SCAN_STAGE";
}
