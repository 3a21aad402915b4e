using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer.Manifests;

namespace Mica.RegistryServer.Events;

/// <summary>A receiver of events, as the configuration says it.</summary>
internal sealed class WebhookReceiver(WebhookOptions options)
{
    private readonly ImmutableArray<NamePattern> _repositories = [.. options.Repositories.Select(NamePattern.Parse)];

    public WebhookOptions Options => options;

    public static ImmutableArray<WebhookReceiver> Of(RegistryServerOptions options) =>
        [.. options.Webhooks.Select(webhook => new WebhookReceiver(webhook))];

    /// <summary>
    /// What rows call it: short, the same at every replica, and without what may be secret in an address.
    /// </summary>
    public string Key { get; } = Digest.Of(System.Text.Encoding.UTF8.GetBytes(options.Address.AbsoluteUri)).ToString()[7..23];

    /// <summary>The receiver in a log.</summary>
    public string Name => options.Address.GetLeftPart(UriPartial.Authority);

    public bool Wants(string kind, string repository) =>
        (options.Events.IsEmpty ? kind != EventKinds.Pull : options.Events.Contains(kind))
        && _repositories.Any(pattern => pattern.Matches(repository));
}

/// <summary>What can happen. The type of a CloudEvent is <see cref="Prefix"/> with the kind behind it.</summary>
internal static class EventKinds
{
    public const string Prefix = "io.mica.registry.";

    /// <summary>A manifest or an index was pushed, whether or not it was there already.</summary>
    public const string Push = "push";

    /// <summary>A tag was made, moved or removed.</summary>
    public const string Tag = "tag";

    /// <summary>A manifest was removed by a request.</summary>
    public const string Delete = "delete";

    /// <summary>A manifest was pulled, so many times since the last such event.</summary>
    public const string Pull = "pull";
}
