using System.Collections;
using System.Collections.Immutable;
using Mica.Cli.CommandLine;
using Mica.Runtime;

namespace Mica.Cli.Hosting;

/// <summary>How an ordinary user's command comes into a user namespace: the program becomes itself, in there.</summary>
internal static class UserNamespaceEntry
{
    /// <summary>Returns when the process is in one already, when none can be had, or when it would be of no use.</summary>
    public static void Enter(UserNamespaceUse use, string root, string? stateDirectory)
    {
        if (Environment.GetEnvironmentVariable(UserNamespace.MarkerVariable) is not null || RuntimeProbe.IsSuperuser)
        {
            return;
        }

        string scratch = Path.Join(root, "build", "scratch");
        var options = new RuntimeOptions(stateDirectory ?? Path.Join(root, "build", "run"), scratch);
        if (use == UserNamespaceUse.ForContainers && UserNamespace.FindRunning(options) is { } running)
        {
            // Containers that run have one already, and from another they could not be reached.
            running.Join(Words(), Variables(), options);
        }

        RuntimeSupport support;
        try
        {
            Directory.CreateDirectory(scratch);
            support = new RuntimeProbe(options).Probe();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The command itself tells what is wrong with the directory.
            return;
        }

        if (support.Namespace is { } wanted && (use == UserNamespaceUse.ForContainers || support.Rung == RuntimeRung.SubordinateIds))
        {
            wanted.Enter(Words(), Variables(), options);
        }
    }

    private static ImmutableArray<string> Words()
    {
        string[] words = Environment.GetCommandLineArgs();
        return [Environment.ProcessPath ?? words[0], .. words[1..]];
    }

    private static ImmutableArray<string> Variables() =>
        [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => $"{variable.Key}={variable.Value}")];
}
