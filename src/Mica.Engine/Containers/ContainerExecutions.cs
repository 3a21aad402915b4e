using System.Collections.Immutable;
using System.Text;
using Mica.Linux;
using Mica.Runtime;
using Microsoft.Win32.SafeHandles;

namespace Mica.Engine;

/// <summary>A further program for a running container. What is null or empty is the container's.</summary>
public sealed record ExecDefinition
{
    /// <summary>The program and its arguments.</summary>
    public required ImmutableArray<string> Command { get; init; }

    /// <summary><c>NAME=value</c>, besides the container's.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary>Where it begins.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary><c>user[:group]</c>.</summary>
    public string? User { get; init; }

    /// <summary>It has a terminal, connected to ours.</summary>
    public bool UsesTerminal { get; init; }

    /// <summary>It reads what this process would.</summary>
    public bool OpensInput { get; init; }

    /// <summary>Nobody waits for it.</summary>
    public bool IsDetached { get; init; }

    /// <summary>It is kept from nothing.</summary>
    public bool IsPrivileged { get; init; }
}

/// <summary>Runs further programs in running containers.</summary>
internal sealed class ContainerExecutions(Containers containers)
{
    private const int MaxFileSize = 8 << 20;

    /// <summary>With this process's standard streams.</summary>
    public int Run(Container container, ExecDefinition wanted) => containers.Detached(container).Execute(ProcessOf(container, wanted));

    /// <summary>What it writes is handed on; null: it took longer than <paramref name="timeout"/>.</summary>
    public int? Run(Container container, ExecDefinition wanted, ContainerOutput output, TimeSpan timeout) =>
        containers.Detached(container).Execute(ProcessOf(container, wanted), output, timeout);

    private static ContainerProcess ProcessOf(Container container, ExecDefinition wanted)
    {
        if (container.State.Process is not { } process)
        {
            throw container.NotRunning();
        }

        // Users are those of the container's files as they are now.
        using DirectoryHandle root = DirectoryHandle.Open($"/proc/{process.ProcessId}/root");
        var user = ImageUser.Find(path => Read(root, path), wanted.User ?? container.Definition.User ?? "");
        List<string> environment = [.. container.Definition.Environment];
        foreach (string line in wanted.Environment)
        {
            environment.RemoveAll(other => other.StartsWith(line.Split('=', 2)[0] + "=", StringComparison.Ordinal));
            if (line.Contains('=', StringComparison.Ordinal))
            {
                environment.Add(line);
            }
        }

        foreach ((string name, string value) in (ReadOnlySpan<(string, string)>)
            [("HOSTNAME", container.Definition.Hostname ?? container.ShortId), ("HOME", user.Home ?? (user.Uid == 0 ? "/root" : "/")), ("TERM", wanted.UsesTerminal ? "xterm" : "")])
        {
            if (value.Length > 0 && !environment.Exists(line => line.StartsWith(name + "=", StringComparison.Ordinal)))
            {
                environment.Add($"{name}={value}");
            }
        }

        return new ContainerProcess(wanted.Command)
        {
            Environment = [.. environment],
            WorkingDirectory = wanted.WorkingDirectory ?? container.Definition.WorkingDirectory ?? "/",
            User = user.ToContainerUser(),
            UsesTerminal = wanted.UsesTerminal,
            OpensInput = wanted.OpensInput,
            IsDetached = wanted.IsDetached,
            IsPrivileged = wanted.IsPrivileged,
            Isolation = ContainerIsolationChoice.Capabilities(container.Definition.Isolation),
        };
    }

    private static string Read(DirectoryHandle root, string path)
    {
        try
        {
            using SafeFileHandle file = root.OpenFileInRoot(Encoding.UTF8.GetBytes(path));
            byte[] content = new byte[Math.Min(RandomAccess.GetLength(file), MaxFileSize)];
            return Encoding.UTF8.GetString(content.AsSpan(0, RandomAccess.Read(file, content, 0)));
        }
        catch (LinuxException)
        {
            return ""; // there is none
        }
    }
}
