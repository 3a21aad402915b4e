using System.Collections.Immutable;
using System.Globalization;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>
/// The latest time that an image and its new files bear: the argument <c>SOURCE_DATE_EPOCH</c>, or the Dockerfile's ARG of that
/// name before the first FROM. Seconds since 1970, or <c>context</c> for the time of a context that comes from elsewhere; a
/// directory of this machine has none, since checking it out changes its times.
/// </summary>
internal static class SourceDateEpoch
{
    /// <summary>The last second of the year 9999.</summary>
    public const long MaxSeconds = 253_402_300_799;

    private const string Name = "SOURCE_DATE_EPOCH";
    private const string OfContext = "context";

    /// <summary>The same arguments with the time in seconds, or without one.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: it is no time.</exception>
    public static ImmutableDictionary<string, string> Resolve(ImmutableDictionary<string, string> arguments, DockerfileDocument document, DateTimeOffset? context)
    {
        string? text = arguments.GetValueOrDefault(Name) ?? document.GlobalArguments.SelectMany(instruction => instruction.Arguments)
            .LastOrDefault(argument => argument.Name == Name)?.Default;
        return text is not { Length: > 0 } ? arguments
            : text == OfContext ? context is { } time ? arguments.SetItem(Name, Text(time)) : arguments.SetItem(Name, "")
            : arguments.SetItem(Name, Text(Parse(text)));
    }

    /// <summary>The time that resolved arguments have; null for none.</summary>
    public static DateTimeOffset? Of(ImmutableDictionary<string, string> arguments) =>
        arguments.GetValueOrDefault(Name) is { Length: > 0 } text ? Parse(text) : null;

    private static DateTimeOffset Parse(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) && seconds <= MaxSeconds
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : throw new MicaException(ErrorKind.InvalidArgument, $"invalid {Name}: {Printable.Of(text)} (seconds since 1970, or context)");

    private static string Text(DateTimeOffset time) => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
