namespace Mica.Store;

/// <summary>Something beside images that the catalog knows: a container, a volume, a network.</summary>
/// <param name="Id">Its identifier, which never changes.</param>
/// <param name="Name">Its name, of which there is one among its kind.</param>
/// <param name="Created">When.</param>
/// <param name="Definition">What was asked for: JSON of the owner's.</param>
/// <param name="State">How it is now: JSON of the owner's.</param>
public sealed record StoredObject(string Id, string Name, DateTimeOffset Created, string Definition, string State);

/// <summary>The kinds of <see cref="StoredObject"/>.</summary>
public enum ObjectKind
{
    /// <summary>A container.</summary>
    Container,

    /// <summary>A volume.</summary>
    Volume,

    /// <summary>A network.</summary>
    Network,
}

/// <summary>What happened to something.</summary>
/// <param name="Sequence">Grows from one to the next.</param>
/// <param name="At">When.</param>
/// <param name="Event">JSON of the owner's.</param>
public sealed record StoredEvent(long Sequence, DateTimeOffset At, string Event);
