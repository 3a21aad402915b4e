using System.Diagnostics;

namespace Mica.SystemTests.Containers;

/// <summary>A store with <c>busybox</c> in it, for the containers of one test, which are removed at its end.</summary>
public sealed class ContainerBench : IAsyncDisposable
{
    private static int s_networks;
    private static readonly (string Name, string Tag)[] s_images = [("busybox", "latest"), ("debian", "bookworm-slim")];

    private readonly string? _network;

    private ContainerBench(MicaRoot mica, string? network) => (Mica, _network) = (mica, network);

    public MicaRoot Mica { get; }

    /// <param name="bench">What all stand on.</param>
    /// <param name="root">Whose store it is; null is a new one of root's.</param>
    public static async Task<ContainerBench> OpenAsync(Workbench bench, MicaRoot? root = null)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        ContainerBench one = new(root ?? bench.NewRoot(), null);
        await one.PullAsync(bench);
        return one;
    }

    /// <summary>With a network namespace in place of the machine's.</summary>
    public static async Task<ContainerBench> OpenWithNetworkAsync(Workbench bench)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        string name = $"mica-test-{Environment.ProcessId}-{Interlocked.Increment(ref s_networks)}";
        await Shell.ScriptAsync("ip netns add \"$1\" && nsenter --net=/run/netns/\"$1\" ip link set lo up", name);
        await using MicaRoot outside = bench.NewRoot();
        string directory = bench.NewDirectory("root");
        MicaRoot inside = new(bench, directory, Path.Combine(directory, "store")) { Launcher = ["nsenter", $"--net=/run/netns/{name}", "--"] };
        ContainerBench one = new(inside, name);

        // The registry is on the other loopback, so the image comes by way of a file.
        // busybox serves, and debian fetches: a program linked statically cannot look up names.
        foreach ((string image, string tag) in s_images)
        {
            await outside.RunAsync("pull", "-q", $"{bench.Registry.Address}/{image}:{tag}");
            await outside.RunAsync("tag", $"{bench.Registry.Address}/{image}:{tag}", image);
        }

        string archive = Path.Combine(directory, "images.tar");
        await outside.RunAsync(["save", "-o", archive, .. s_images.Select(image => image.Name)]);
        await inside.RunAsync("load", "-q", "-i", archive);
        return one;
    }

    public Task<string> RunAsync(params string[] words) => Mica.RunAsync(words);

    /// <summary>Runs a shell command in a container that is removed after it, without a network.</summary>
    public Task<CommandResult> ShellAsync(string command, params string[] options) =>
        Mica.TryAsync(["run", "--rm", "--network", "none", .. options, "busybox", "sh", "-c", command]);

    /// <summary>What a shell command prints in a container.</summary>
    public async Task<string> PrintedAsync(string command, params string[] options) => (await ShellAsync(command, options)).Succeeded().Output;

    /// <summary>The words of a command that prints what <c>http://HOST:PORT/</c> answers.</summary>
    public static string[] Fetch(string host, int port) =>
    [
        "timeout", "10", "bash", "-c",
        """exec 3<>"/dev/tcp/$1/$2" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && sed '1,/^\r$/d' <&3""",
        "fetch", host, $"{port}",
    ];

    /// <summary>What <c>http://HOST:PORT/</c> answers to a container.</summary>
    public async Task<CommandResult> FetchInsideAsync(string network, string host, int port = 80) =>
        await Mica.TryAsync(["run", "--rm", "--network", network, "debian", .. Fetch(host, port)]);

    /// <summary>Starts a container that does nothing, in the background.</summary>
    public async Task<string> SleepAsync(string name, params string[] options) =>
        (await RunAsync(["run", "-d", "--network", "none", "--name", name, .. options, "busybox", "sleep", "1000"])).Trim();

    /// <summary>One value of a container.</summary>
    public async Task<string> ValueAsync(string container, string template) => (await RunAsync("container", "inspect", "-f", template, container)).Trim();

    /// <summary>Waits until a value of a container is the one that is awaited.</summary>
    public async Task AwaitAsync(string container, string template, string wanted)
    {
        string value = "";
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(60))
        {
            value = await ValueAsync(container, template);
            if (value == wanted)
            {
                return;
            }

            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"{template} of {container} is {value} and not {wanted}");
    }

    public async ValueTask DisposeAsync()
    {
        string[] all = (await RunAsync("ps", "-aq", "--no-trunc")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (all.Length > 0)
        {
            await Mica.TryAsync(["rm", "-f", "-v", .. all]);
        }

        if (_network is not null)
        {
            foreach (string network in (await RunAsync("network", "ls", "-q", "-f", "type=custom")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                await Mica.TryAsync("network", "rm", network);
            }
        }

        await Mica.CheckAsync();
        await Mica.DisposeAsync();
        if (_network is not null)
        {
            await Shell.ScriptAsync("ip netns del \"$1\"", _network);
        }
    }

    private async Task PullAsync(Workbench bench)
    {
        await Mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/busybox:latest");
        await Mica.RunAsync("tag", $"{bench.Registry.Address}/busybox:latest", "busybox");
    }
}
