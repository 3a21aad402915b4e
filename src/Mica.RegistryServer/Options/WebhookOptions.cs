using System.Collections.Immutable;

namespace Mica.RegistryServer;

/// <summary>A receiver of events: CloudEvents 1.0 as JSON, by POST, signed, and sent again until they are taken.</summary>
public sealed record WebhookOptions
{
    /// <summary>The receiver.</summary>
    public required Uri Address { get; init; }

    /// <summary>Kinds of events, such as <c>push</c>, <c>delete</c>, <c>tag</c>, <c>pull</c>; empty for all but pulls.</summary>
    public ImmutableArray<string> Events { get; init; } = [];

    /// <summary>Patterns over names of repositories.</summary>
    public ImmutableArray<string> Repositories { get; init; } = ["**"];

    /// <summary>The file with the key of the HMAC-SHA256 signature; null: not signed.</summary>
    public string? SecretFile { get; init; }

    /// <summary>How long an event is tried before it is given up.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(3);
}
