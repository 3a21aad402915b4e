namespace Mica.RegistryServer;

/// <summary>Something that happened, and was or is to be told to receivers.</summary>
public sealed record RegistryEvent
{
    /// <summary>Counts up.</summary>
    public required long Id { get; init; }

    /// <summary>The CloudEvent's id.</summary>
    public required string Uid { get; init; }

    /// <summary><c>push</c>, <c>tag</c>, <c>delete</c> or <c>pull</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Where it happened.</summary>
    public required string Repository { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The CloudEvent, JSON.</summary>
    public required string Body { get; init; }

    /// <summary>How many receivers have not taken it yet.</summary>
    public required int Waiting { get; init; }
}
