using System.Diagnostics;

namespace Mica.SystemTests.Building;

/// <summary>A store with <c>busybox</c> in it and a context to build from, for one test.</summary>
public sealed class BuildBench : IAsyncDisposable
{
    private readonly Workbench _bench;

    private BuildBench(Workbench bench, MicaRoot mica)
    {
        _bench = bench;
        Mica = mica;
        Context = Directory.CreateDirectory(Path.Combine(bench.NewDirectory("build"), "context")).FullName;
    }

    public MicaRoot Mica { get; }

    public string Context { get; }

    /// <param name="bench">What all stand on.</param>
    /// <param name="root">Whose store it is; null is a new one of root's.</param>
    public static async Task<BuildBench> OpenAsync(Workbench bench, MicaRoot? root = null)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        BuildBench one = new(bench, root ?? bench.NewRoot());
        await one.PullAsync("busybox:latest", "busybox");
        return one;
    }

    /// <summary>Brings a fixture image, under a short name.</summary>
    public async Task PullAsync(string image, string name)
    {
        await Mica.RunAsync("pull", "-q", $"{_bench.Registry.Address}/{image}");
        await Mica.RunAsync("tag", $"{_bench.Registry.Address}/{image}", name);
    }

    /// <summary>Writes a file of the context and gives its path.</summary>
    public string File(string path, string content)
    {
        string full = Path.Combine(Context, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        System.IO.File.WriteAllText(full, content);
        return full;
    }

    /// <summary>Builds a Dockerfile, whatever comes of it.</summary>
    public Task<CommandResult> TryAsync(string dockerfile, params string[] words)
    {
        File("Dockerfile", dockerfile);
        return Mica.TryAsync(Words(words));
    }

    /// <summary>Builds what must fail, and gives the one line of why, without what all such lines begin with.</summary>
    public async Task<string> FailAsync(string dockerfile, params string[] words)
    {
        string line = MicaRoot.Refusal(await TryAsync(dockerfile, words));
        await NothingIsLeftAsync();
        return line.Replace("mica: ", "", StringComparison.Ordinal).Replace("failed to solve: ", "", StringComparison.Ordinal);
    }

    /// <summary>Builds into a directory and gives its files.</summary>
    public async Task<string[]> TreeAsync(string dockerfile, params string[] words)
    {
        string tree = _bench.NewDirectory("tree");
        (await TryAsync(dockerfile, ["-o", tree, .. words])).Succeeded();
        return await FileTree.ListAsync(tree);
    }

    /// <summary>Starts a build and returns once its output has <paramref name="until"/>; the rest of it is read at the end.</summary>
    public async Task<(Process Process, Task<string> Log)> StartAsync(string dockerfile, string until, params string[] words)
    {
        File("Dockerfile", dockerfile);
        Process process = Mica.Start(Words(["--progress=plain", .. words]));
        List<string> lines = [];
        while (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            lines.Add(line);
            if (line.Contains(until, StringComparison.Ordinal))
            {
                return (process, process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
            }
        }

        throw new InvalidOperationException($"the build ended before \"{until}\": {string.Join('\n', lines)}");
    }

    /// <summary>The store is whole, and no build's process, mount, control group or network is left.</summary>
    public async Task NothingIsLeftAsync()
    {
        await Mica.CheckAsync();
        Assert.Equal("", await Shell.ScriptAsync(
            """
            awk -v root="$1/" 'index($2, root) == 1 || index($4, root) { print "mount " $2 }' /proc/self/mounts
            for one in /proc/[0-9]*; do
              [ "${one#/proc/}" = $$ ] || ! tr '\0' ' ' 2>/dev/null <$one/cmdline | grep -qF "$1" || echo "process $one: $(tr '\0' ' ' <$one/cmdline)"
            done
            [ ! -d "$1/build/run" ] || find "$1/build/run" -mindepth 1
            """, Mica.Store));
    }

    public ValueTask DisposeAsync() => Mica.DisposeAsync();

    private string[] Words(string[] words) => ["build", .. words.Contains("--network") ? words : ["--network", "none", .. words], Context];
}
