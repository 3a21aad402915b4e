using System.Runtime.CompilerServices;

namespace Mica.Linux;

/// <summary>How the terminal on standard input was set, and will be again. termios(3).</summary>
public sealed class TerminalMode : IDisposable
{
    private const int AfterOutput = 1; // TCSADRAIN

    private TerminalSettings _settings;

    private TerminalMode(TerminalSettings settings) => _settings = settings;

    /// <summary>Remembers how it is set; null when standard input is no terminal.</summary>
    public static unsafe TerminalMode? Save()
    {
        TerminalSettings settings;
        return Libc.GetTerminalSettings(0, &settings) == 0 ? new TerminalMode(settings) : null;
    }

    /// <summary>
    /// Lets every key through as it is, as for a terminal at the other end of a connection; null when standard input is no
    /// terminal. cfmakeraw(3).
    /// </summary>
    public static unsafe TerminalMode? MakeRaw()
    {
        if (Save() is not { } saved)
        {
            return null;
        }

        TerminalSettings raw = saved._settings;
        Libc.MakeRaw(&raw);
        while (Libc.SetTerminalSettings(0, AfterOutput, &raw) < 0 && Libc.LastError == Errno.EINTR)
        {
        }

        return saved;
    }

    /// <summary>Rows and columns of the terminal on standard output; null when it is none.</summary>
    public static unsafe (int Rows, int Columns)? ReadSize()
    {
        const ulong GetWindowSize = 0x5413; // TIOCGWINSZ
        ushort* size = stackalloc ushort[4];
        return Libc.Control(1, GetWindowSize, size) == 0 ? (size[0], size[1]) : null;
    }

    /// <summary>Sets it again as it was.</summary>
    public unsafe void Dispose()
    {
        TerminalSettings settings = _settings;
        while (Libc.SetTerminalSettings(0, AfterOutput, &settings) < 0 && Libc.LastError == Errno.EINTR)
        {
        }
    }
}

/// <summary>The C library's termios, which nobody here looks into: 60 bytes, with room.</summary>
[InlineArray(16)]
internal struct TerminalSettings
{
    private long _first;
}
