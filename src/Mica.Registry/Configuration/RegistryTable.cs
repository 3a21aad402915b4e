using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>Which pulls a mirror serves (<c>pull-from-mirror</c>).</summary>
internal enum MirrorUse
{
    All,
    DigestOnly,
    TagOnly,
}

/// <summary>A <c>[[registry.mirror]]</c> table.</summary>
internal sealed record MirrorTable(string Location, bool Insecure, MirrorUse Use)
{
    public bool Serves(ImageReference reference) => Use switch
    {
        MirrorUse.DigestOnly => reference.Digest is not null,
        MirrorUse.TagOnly => reference.Digest is null,
        _ => true,
    };
}

/// <summary>A <c>[[registry]]</c> table: what applies to the names below a prefix. containers-registries.conf(5).</summary>
internal sealed record RegistryTable
{
    /// <summary><c>host[/path]</c>, or <c>*.host</c>.</summary>
    public required string Prefix { get; init; }

    /// <summary>The <c>:tag</c> or <c>@digest</c> that the prefix ends with; empty when it has none.</summary>
    public string PrefixSuffix { get; init; } = "";

    /// <summary>Where those names really are; null when that is the prefix itself.</summary>
    public string? Location { get; init; }

    public bool Insecure { get; init; }

    public bool Blocked { get; init; }

    public ImmutableArray<MirrorTable> Mirrors { get; init; } = [];

    /// <summary>File and line, for messages.</summary>
    public required string Origin { get; init; }

    private bool IsWildcard => Prefix.StartsWith("*.", StringComparison.Ordinal);

    /// <summary>
    /// How well the prefix matches, to be compared: how many characters of the name it covers, and how many of these it spells
    /// out, so that a wildcard loses to the host itself. Zero when it does not match.
    /// </summary>
    public (int Covered, int Spelled) Match(ImageReference reference)
    {
        if (IsWildcard)
        {
            int port = reference.Domain.LastIndexOf(':');
            string host = port < 0 ? reference.Domain : reference.Domain[..port];
            return host.Length >= Prefix.Length && host.EndsWith(Prefix[1..], StringComparison.OrdinalIgnoreCase) ? (host.Length, Prefix.Length) : default;
        }

        string name = reference.Name;
        bool whole = name.Length == Prefix.Length;
        if (!name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) || (!whole && name[Prefix.Length] != '/'))
        {
            return default;
        }

        int length = Prefix.Length + PrefixSuffix.Length;
        bool matches = PrefixSuffix.Length == 0 || (whole && (PrefixSuffix == ":" + reference.Tag || PrefixSuffix == "@" + reference.Digest));
        return matches ? (length, length + 1) : default;
    }

    /// <summary>The registry itself.</summary>
    public RegistryEndpoint Primary(ImageReference reference) => Location is null
        ? DirectRouting.EndpointOf(reference.Domain, reference.Path, Insecure)
        : Rewrite(reference, Location, Insecure);

    /// <summary>A mirror of it.</summary>
    public RegistryEndpoint Mirror(ImageReference reference, MirrorTable mirror) =>
        Rewrite(reference, mirror.Location, mirror.Insecure) with { IsMirror = true };

    /// <summary>Puts <paramref name="location"/> in the place of the prefix.</summary>
    private RegistryEndpoint Rewrite(ImageReference reference, string location, bool insecure)
    {
        string rest = IsWildcard ? "/" + reference.Path : reference.Name[Prefix.Length..];
        string name = location + rest;
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{Origin}: location {location} leaves no repository name for {reference.Name}");
        }

        string path = name[(slash + 1)..];
        bool official = name[..slash] == ImageReference.DefaultDomain && !path.Contains('/', StringComparison.Ordinal);
        return DirectRouting.EndpointOf(name[..slash], official ? "library/" + path : path, insecure);
    }
}
