using System.Collections.Immutable;

namespace Mica.Runtime;

/// <summary>How a container ended.</summary>
/// <param name="Code">
/// The exit code of its program, 128 and the signal that ended it, 127 where there is no such program, 126 where it cannot be run.
/// </param>
public sealed record ContainerExit(int Code)
{
    /// <summary>Why its program was not run at all, in one line; null when it was.</summary>
    public string? StartFailure { get; init; }

    /// <summary>It failed while the kernel killed processes for lack of memory.</summary>
    public bool OutOfMemory { get; init; }

    /// <summary>What the user should know: a lesser network than was asked for.</summary>
    public ImmutableArray<string> Notices { get; init; } = [];
}

/// <summary>Takes a piece of what a container wrote, as it comes; the bytes are valid during the call. Called from one thread of the container's own.</summary>
public delegate void ContainerOutput(bool isError, ReadOnlySpan<byte> bytes);
