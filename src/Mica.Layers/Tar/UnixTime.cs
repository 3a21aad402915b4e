namespace Mica.Layers;

/// <summary>
/// A point in time as file systems keep it: <paramref name="Seconds"/> since 1970, negative before, and
/// <paramref name="Nanoseconds"/> (0 to 999,999,999) after that second.
/// </summary>
public readonly record struct UnixTime(long Seconds, int Nanoseconds);
