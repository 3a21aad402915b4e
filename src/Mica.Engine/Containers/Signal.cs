using System.Globalization;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>Signals by name, as Linux numbers them on every architecture that we run on. signal(7).</summary>
public static class Signal
{
    private const int RealTimeFirst = 34;
    private const int Last = 64;

    private static readonly string[] s_names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT",
        "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary>The number of <c>TERM</c>, <c>SIGTERM</c>, <c>15</c> or <c>RTMIN+3</c>.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: there is no such signal.</exception>
    public static int Parse(string text)
    {
        string name = text.ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= Last)
        {
            return number;
        }

        if (name.Length > 0 && Array.IndexOf(s_names, name) is > 0 and var found)
        {
            return found;
        }

        if (name is "POLL" or "CLD" or "IOT")
        {
            return name == "POLL" ? 29 : name == "CLD" ? 17 : 6;
        }

        if (name.StartsWith("RTMIN", StringComparison.Ordinal) && TryOffset(name[5..], '+', out int above))
        {
            return RealTimeFirst + above;
        }

        return name.StartsWith("RTMAX", StringComparison.Ordinal) && TryOffset(name[5..], '-', out int below)
            ? Last - below
            : throw new MicaException(ErrorKind.InvalidArgument, $"invalid signal: {Printable.Of(text)}");
    }

    private static bool TryOffset(string text, char sign, out int offset)
    {
        offset = 0;
        return text.Length == 0
            || (text[0] == sign && int.TryParse(text.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out offset) && offset <= Last - RealTimeFirst);
    }
}
