using System.Collections.Immutable;

namespace Mica.Runtime;

/// <summary>A further program for a running container.</summary>
public sealed record ContainerProcess(ImmutableArray<string> Command)
{
    /// <summary>The whole environment, as <c>NAME=value</c>.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary>An absolute path.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Who it is.</summary>
    public ContainerUser User { get; init; } = new(0, 0);

    /// <summary>It has a terminal of its own, which is connected to ours.</summary>
    public bool UsesTerminal { get; init; }

    /// <summary>It reads what this process would; else nothing.</summary>
    public bool OpensInput { get; init; }

    /// <summary>Nobody waits for it.</summary>
    public bool IsDetached { get; init; }

    /// <summary>What its container is kept from.</summary>
    public IsolationSpec Isolation { get; init; } = new();

    /// <summary>All capabilities that we have.</summary>
    public bool IsPrivileged { get; init; }
}
