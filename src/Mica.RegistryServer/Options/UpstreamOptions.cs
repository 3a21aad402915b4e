using System.Collections.Immutable;

namespace Mica.RegistryServer;

/// <summary>
/// A registry that is fetched from when something is asked for below its prefix, or with its name in <c>ns=</c>, and kept here.
/// </summary>
public sealed record UpstreamOptions
{
    /// <summary>The registry, such as <c>docker.io</c> or <c>http://127.0.0.1:5050</c>.</summary>
    public required string Registry { get; init; }

    /// <summary>The first part of the names here: <c>docker.io</c> gives <c>HOST/docker.io/library/alpine</c>. Null: the registry's name.</summary>
    public string? Prefix { get; init; }

    /// <summary>Patterns over names of its repositories; what fits none is not fetched.</summary>
    public ImmutableArray<string> Repositories { get; init; } = ["**"];

    /// <summary>How long a tag is believed before it is asked for again.</summary>
    public TimeSpan TagLifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Other times for some tags, by patterns over <c>REPOSITORY:TAG</c> with the name that the repository has there; the first that fits.</summary>
    public ImmutableArray<TagLifetime> TagLifetimes { get; init; } = [];

    /// <summary>The registry is never asked: what is here is served, however old.</summary>
    public bool IsOffline { get; init; }

    /// <summary>
    /// How long what nobody pulls keeps its tags here; then it goes the way of everything without a tag. Zero: for good.
    /// </summary>
    public TimeSpan KeepUnpulled { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The user there; null for none.</summary>
    public string? User { get; init; }

    /// <summary>The file with the user's password; read when the registry asks for it.</summary>
    public string? PasswordFile { get; init; }
}

/// <summary>How long some tags are believed.</summary>
/// <param name="Tags">A pattern over <c>REPOSITORY:TAG</c>.</param>
/// <param name="Lifetime">How long.</param>
public sealed record TagLifetime(string Tags, TimeSpan Lifetime);

/// <summary>
/// Repositories of another registry that are copied here on a schedule: whole images, with all platforms and what refers to
/// them. What is removed there stays here.
/// </summary>
public sealed record SyncOptions
{
    /// <summary>The registry, as in <see cref="UpstreamOptions.Registry"/>.</summary>
    public required string Registry { get; init; }

    /// <summary>The repositories, by their full names there.</summary>
    public required ImmutableArray<string> Repositories { get; init; }

    /// <summary>Patterns over tags; what fits none is left.</summary>
    public ImmutableArray<string> Tags { get; init; } = ["*"];

    /// <summary>What the names begin with here; empty for the names that they have there.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>How often.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The user there; null for none.</summary>
    public string? User { get; init; }

    /// <summary>The file with the user's password.</summary>
    public string? PasswordFile { get; init; }
}
