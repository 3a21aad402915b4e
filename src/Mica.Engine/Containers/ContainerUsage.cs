namespace Mica.Engine;

/// <summary>What a container takes of the machine at a moment; zeros when it does not run, or without a cgroup.</summary>
/// <param name="Container">The container.</param>
/// <param name="At">The moment, in nanoseconds.</param>
public sealed record ContainerUsage(Container Container, long At)
{
    /// <summary>Nanoseconds of all its processes on all cores since it began.</summary>
    public long Cpu { get; init; }

    /// <summary>Bytes of memory, without what can be dropped at once.</summary>
    public long Memory { get; init; }

    /// <summary>Bytes that it may have; the machine's when there is no limit.</summary>
    public long MemoryLimit { get; init; }

    /// <summary>Processes and threads.</summary>
    public long Processes { get; init; }

    /// <summary>Bytes that were read from disks.</summary>
    public long ReadBytes { get; init; }

    /// <summary>Bytes that were written to disks.</summary>
    public long WrittenBytes { get; init; }

    /// <summary>Bytes that came by its networks.</summary>
    public long ReceivedBytes { get; init; }

    /// <summary>Bytes that went by its networks.</summary>
    public long SentBytes { get; init; }
}

/// <summary>A process of a container, as the machine sees it.</summary>
/// <param name="User">Its user.</param>
/// <param name="ProcessId">Its number.</param>
/// <param name="ParentId">Of what started it.</param>
/// <param name="Percent">Of one core, since it began.</param>
/// <param name="Started">When it began.</param>
/// <param name="Terminal">Of its, or a question mark.</param>
/// <param name="Time">That it used.</param>
/// <param name="Command">Its command line.</param>
public sealed record ContainerTask(string User, int ProcessId, int ParentId, int Percent, DateTimeOffset Started, string Terminal, TimeSpan Time, string Command);
