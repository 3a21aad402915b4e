using System.Text.Json;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>The program that makes containers of bundles.</summary>
internal sealed record OciRuntime(string Path)
{
    public bool IsCrun => System.IO.Path.GetFileName(Path).StartsWith("crun", StringComparison.Ordinal);

    public string Name => System.IO.Path.GetFileName(Path);

    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: there is none.</exception>
    public static OciRuntime Find(RuntimeOptions options)
    {
        if (options.Runtime is { } wanted)
        {
            string? path = wanted.Contains('/', StringComparison.Ordinal) ? wanted : options.FindProgram(wanted);
            return path is not null && File.Exists(path)
                ? new OciRuntime(path)
                : throw new MicaException(ErrorKind.Unsupported, $"{Printable.Of(wanted)}: no such container runtime here");
        }

        return (options.FindProgram("crun") ?? options.FindProgram("runc")) is { } found
            ? new OciRuntime(found)
            : throw new MicaException(ErrorKind.Unsupported, "no container runtime: install crun (or runc): apt-get install crun");
    }

    /// <summary>What comes before a command of the runtime.</summary>
    public string[] Arguments(string root, string log, bool usesCgroups) =>
    [
        $"--root={root}", $"--log={log}", "--log-format=json",
        .. IsCrun ? [usesCgroups ? "--cgroup-manager=cgroupfs" : "--cgroup-manager=disabled"] : (ReadOnlySpan<string>)[],
    ];

    /// <summary>What the runtime itself complained of in its JSON log; null when nothing.</summary>
    public static string? ReadFailure(string log)
    {
        if (!File.Exists(log))
        {
            return null;
        }

        foreach (string line in File.ReadLines(log).Where(line => line.StartsWith('{')))
        {
            try
            {
                using JsonDocument entry = JsonDocument.Parse(line);
                if (entry.RootElement.TryGetProperty("level", out JsonElement level) && level.GetString() is "error" or "fatal"
                    && entry.RootElement.TryGetProperty("msg", out JsonElement message) && message.GetString() is { Length: > 0 } text)
                {
                    return text;
                }
            }
            catch (JsonException)
            {
                return line;
            }
        }

        return null;
    }

    /// <summary>127: no such program; 126: it cannot be run; null: something else is wrong.</summary>
    public static int? ClassifyFailure(string message)
    {
        bool isAboutProgram = message.Contains("executable", StringComparison.Ordinal) || message.Contains("exec:", StringComparison.Ordinal)
            || message.StartsWith("exec", StringComparison.Ordinal);
        return !isAboutProgram ? null
            : message.Contains("no such file", StringComparison.OrdinalIgnoreCase) || message.Contains("not found", StringComparison.Ordinal) ? 127
            : message.Contains("permission denied", StringComparison.OrdinalIgnoreCase)
                || message.Contains("operation not permitted", StringComparison.OrdinalIgnoreCase)
                || message.Contains("exec format error", StringComparison.OrdinalIgnoreCase)
                || message.Contains("is a directory", StringComparison.OrdinalIgnoreCase) ? 126
            : null;
    }
}
