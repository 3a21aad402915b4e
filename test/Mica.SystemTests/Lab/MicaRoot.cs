using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Mica.SystemTests.Lab;

/// <summary>A store in a directory of its own, and the binary to run on it. No file of the user who runs the tests is read.</summary>
public sealed class MicaRoot : IAsyncDisposable
{
    private readonly Workbench _bench;
    private readonly string _directory;

    public MicaRoot(Workbench bench, string directory, string store)
    {
        _bench = bench;
        _directory = directory;
        Store = store;
        Directory.CreateDirectory(Home);
        Environment["HOME"] = Home;
        Environment["XDG_RUNTIME_DIR"] = Path.Combine(directory, "run");
        Directory.CreateDirectory(Environment["XDG_RUNTIME_DIR"]!);
        foreach (string name in (string[])["XDG_CONFIG_HOME", "XDG_DATA_HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "MICA_ROOT", "http_proxy", "HTTP_PROXY"])
        {
            Environment[name] = null;
        }
    }

    /// <summary>The <c>--root</c>.</summary>
    public string Store { get; }

    public string Home => Path.Combine(_directory, "home");

    /// <summary>What is changed in the environment of the binary.</summary>
    public Dictionary<string, string?> Environment { get; } = [];

    /// <summary>Words before the binary's path: a program that runs it as somebody else.</summary>
    public IReadOnlyList<string> Launcher { get; init; } = [];

    /// <summary>Runs <c>mica --root … WORDS</c> and gives whatever came of it.</summary>
    public Task<CommandResult> TryAsync(params string[] words) => Shell.RunAsync(CommandLine(words), Environment);

    /// <summary>As <see cref="TryAsync"/>, with text on standard input.</summary>
    public Task<CommandResult> TryWithInputAsync(string input, params string[] words) => Shell.RunAsync(CommandLine(words), Environment, input);

    /// <summary>Runs what must succeed, and gives its standard output.</summary>
    public async Task<string> RunAsync(params string[] words) => (await TryAsync(words)).Succeeded().Output;

    /// <summary>Runs what must fail with <paramref name="exitCode"/> and one clear line, and gives that line.</summary>
    public async Task<string> FailAsync(int exitCode, params string[] words) => Refusal(await TryAsync(words), exitCode);

    /// <summary>The one line of a failure that is no bug: it starts with the program's name and shows no stack trace.</summary>
    public static string Refusal(CommandResult result, int exitCode = 1)
    {
        Assert.True(result.ExitCode == exitCode, $"expected exit {exitCode}: {result}");
        string[] lines = [.. result.Errors.TrimEnd('\n').Split('\n').Where(line => line.StartsWith("mica: ", StringComparison.Ordinal))];
        Assert.True(lines.Length == 1, $"expected one line of error: {result}");
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", result.Errors, StringComparison.Ordinal);
        return lines[0];
    }

    public Process Start(params string[] words) => Shell.Start(CommandLine(words), Environment);

    public string[] CommandLine(params string[] words) => [.. Launcher, _bench.Binary, "--root", Store, .. words];

    public string Blob(string digest) => Path.Combine(Store, "blobs", digest.Replace(':', '/'));

    /// <summary>The one object of <c>mica inspect</c>.</summary>
    public async Task<JsonNode> InspectAsync(string image) =>
        Assert.Single(JsonNode.Parse(await RunAsync("inspect", image))!.AsArray())!;

    /// <summary>Fails the test unless <c>store check</c> finds nothing wrong.</summary>
    public async Task CheckAsync()
    {
        CommandResult check = await TryAsync("store", "check");
        Assert.True(check.ExitCode == 0, $"the store is damaged: {check}");
    }

    /// <summary>
    /// Removes the directory when the test passed; mounts below it must be gone. A monitor may still be seeing to its container's
    /// end there, so it is tried for some seconds.
    /// </summary>
    public async ValueTask DisposeAsync() => await Shell.ScriptAsync(
        """
        for try in $(seq 50); do
          chmod -R u+rwX -- "$1" 2>/dev/null || true
          ! rm -rf -- "$1" 2>/dev/null || exit 0
          sleep 0.1
        done
        rm -rf -- "$1"
        """,
        _directory);
}
