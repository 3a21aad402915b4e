using System.Collections.Immutable;

namespace Mica.Engine;

/// <summary>Something that happened to a container, a volume or a network, as <c>docker events</c> has it.</summary>
/// <param name="Type"><c>container</c>, <c>volume</c>, <c>network</c> or <c>image</c>.</param>
/// <param name="Action"><c>create</c>, <c>start</c>, <c>die</c> and so on.</param>
/// <param name="Id">Of what it happened to.</param>
/// <param name="At">When.</param>
public sealed record EngineEvent(string Type, string Action, string Id, DateTimeOffset At)
{
    /// <summary>Name, image, exit code, labels.</summary>
    public ImmutableSortedDictionary<string, string> Attributes { get; init => field = value ?? ImmutableSortedDictionary<string, string>.Empty; } =
        ImmutableSortedDictionary<string, string>.Empty;
}
