using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// conmon, the process that stays with a container when the command that made it has ended: it holds its standard streams or
/// terminal, writes its log, and keeps its exit code. Everything it makes is in the bundle. conmon(8).
/// </summary>
internal sealed class ConmonMonitor(RuntimeOptions options, OciRuntime runtime, string id, ContainerFiles files)
{
    /// <summary>What a monitor writes when a runtime fails is short.</summary>
    private const int MaxAnswer = 64 << 10;

    /// <summary>
    /// Starts the monitor on the calling thread, in whose mounts it stays, and waits until it has created the container from
    /// the bundle.
    /// </summary>
    /// <returns>The number of the container's first process, which waits to be started.</returns>
    public int Create(MonitorOptions monitor, IEnumerable<string> runtimeArguments)
    {
        string program = options.FindProgram("conmon")
            ?? throw new MicaException(ErrorKind.Unsupported, "conmon is missing, which stays with containers: apt-get install conmon");
        using ProcessPipe answers = ProcessPipe.Create(), go = ProcessPipe.Create();
        ImmutableArray<string> words =
        [
            program, "--api-version", "1", "--cid", id, "--cuuid", id, "--name", id,
            "--runtime", runtime.Path, .. runtimeArguments.SelectMany(word => new[] { "--runtime-arg", word }),
            "--bundle", files.Bundle, "--container-pidfile", files.PidFile, "--conmon-pidfile", files.MonitorPidFile,
            "--exit-dir", files.Exits, "--socket-dir-path", files.Bundle, "--full-attach", "--log-level", "error",
            .. Log(monitor), .. Streams(monitor), .. Exit(monitor),
        ];
        var command = new ChildCommand(program, words,
        [
            $"PATH={string.Join(':', options.ProgramDirectories)}", "_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4", .. monitor.Environment,
        ])
        {
            Descriptors = [answers.WriteEnd, go.ReadEnd, .. monitor.Descriptors],
        };
        using ChildProcess child = ChildProcess.Start(command);
        answers.WriteEnd.Dispose();
        go.ReadEnd.Dispose();
        go.Write("0"u8);
        string answer = ReadLine(answers);
        if (child.Wait() != 0 && answer.Length == 0)
        {
            StringBuilder said = new();
            child.ReadOutput((_, bytes) => said.Append(Encoding.UTF8.GetString(bytes)));
            throw new MicaException(ErrorKind.Failed, $"container {ContainerFiles.Short(id)}: conmon: {Printable.Of(said.ToString().Trim())}");
        }

        return Parse(answer);
    }

    private static IEnumerable<string> Log(MonitorOptions monitor)
    {
        if (monitor.LogPath is null)
        {
            return ["--log-path", "none:"];
        }

        return monitor.MaxLogBytes is { } most
            ? ["--log-path", $"k8s-file:{monitor.LogPath}", "--log-size-max", most.ToString(CultureInfo.InvariantCulture)]
            : ["--log-path", $"k8s-file:{monitor.LogPath}"];
    }

    private static IEnumerable<string> Streams(MonitorOptions monitor)
    {
        if (monitor.UsesTerminal)
        {
            yield return "--terminal";
        }

        if (monitor.OpensInput)
        {
            yield return "--stdin";
            if (monitor.KeepsInputOpen)
            {
                yield return "--leave-stdin-open";
            }
        }
    }

    private static IEnumerable<string> Exit(MonitorOptions monitor) => monitor.ExitCommand.IsDefaultOrEmpty ? [] :
        ["--exit-command", monitor.ExitCommand[0], .. monitor.ExitCommand.Skip(1).SelectMany(word => new[] { "--exit-command-arg", word })];

    private static string ReadLine(ProcessPipe pipe)
    {
        byte[] buffer = new byte[MaxAnswer];
        int length = 0;
        while (length < buffer.Length && !buffer.AsSpan(0, length).Contains((byte)'\n'))
        {
            int count = pipe.Read(buffer.AsSpan(length));
            if (count == 0)
            {
                break;
            }

            length += count;
        }

        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    /// <summary><c>{"data": PID}</c>, or <c>{"data": -1, "message": "…"}</c> with what the runtime said.</summary>
    private int Parse(string answer)
    {
        string message = answer.Trim();
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            if (document.RootElement.TryGetProperty("data", out JsonElement data) && data.TryGetInt32(out int process) && process > 0)
            {
                return process;
            }

            message = document.RootElement.TryGetProperty("message", out JsonElement text) ? text.GetString() ?? "" : message;
        }
        catch (JsonException)
        {
            // What it said is told as it is.
        }

        string failure = OciRuntime.ReadFailure(files.RuntimeLog) ?? (message.Length > 0 ? message.Trim() : "it ended without a word");
        throw OciRuntime.ClassifyFailure(failure) is { } code
            ? new ContainerFailedException(code, failure)
            : new MicaException(ErrorKind.Failed, $"container {ContainerFiles.Short(id)}: {runtime.Name}: {Printable.Of(failure)}");
    }
}

/// <summary>How a monitor treats its container.</summary>
public sealed record MonitorOptions
{
    /// <summary>Where the log is written, in the lines of Kubernetes; null: nowhere.</summary>
    public string? LogPath { get; init; }

    /// <summary>Bytes after which the log begins anew; null: never.</summary>
    public long? MaxLogBytes { get; init; }

    /// <summary>The container has a terminal.</summary>
    public bool UsesTerminal { get; init; }

    /// <summary>Its standard input is open for who attaches; else it is empty.</summary>
    public bool OpensInput { get; init; }

    /// <summary>It stays open when who attached leaves.</summary>
    public bool KeepsInputOpen { get; init; }

    /// <summary>What is run when the container has ended; the first is the program's path.</summary>
    public ImmutableArray<string> ExitCommand { get; init; } = [];

    /// <summary>What the monitor keeps open for as long as it is there.</summary>
    public ImmutableArray<System.Runtime.InteropServices.SafeHandle> Descriptors { get; init; } = [];

    /// <summary>Besides PATH, in the environment of the monitor and of what it runs.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];
}
