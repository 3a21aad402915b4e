namespace Mica.Linux;

/// <summary>Signals that are sent. signal(7).</summary>
public static class Signals
{
    /// <summary>SIGINT.</summary>
    public const int Interrupt = 2;

    /// <summary>SIGKILL.</summary>
    public const int Kill = 9;

    /// <summary>SIGTERM.</summary>
    public const int Terminate = 15;

    /// <summary>Sends <paramref name="signal"/> to any process; false when there is no such one. kill(2).</summary>
    public static bool Send(int process, int signal) => Libc.Kill(process, signal) == 0;
}
