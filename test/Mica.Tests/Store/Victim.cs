using System.Diagnostics;
using Mica.Oci;
using Mica.Store;
using Mica.Tests.Layers;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Store;

/// <summary>
/// A process that works on a store and kills itself, as kill -9 does, at a failpoint: this test program once more, told what
/// to do by its environment.
/// </summary>
internal static class Victim
{
    public const int Killed = 128 + 9;

    private const string Order = "MICA_TEST_VICTIM";

    public static MemoryContent Content { get; } = new();

    /// <summary>What is in the store before.</summary>
    public static LayeredImage Old { get; } = LayeredImage.Add(Content, Base(), Tar.Of(File("old", new byte[100_000])));

    /// <summary>What is pulled under the same name.</summary>
    public static LayeredImage New { get; } = LayeredImage.Add(Content, Base(), Tar.Of(Dir("etc"), File("etc/new", Noise(900_000))));

    /// <summary>Runs <paramref name="work"/> on the store, up to the <paramref name="count"/>th time that it reaches the failpoint.</summary>
    /// <returns><see cref="Killed"/>, or 0 when it was never reached.</returns>
    public static async Task<int> RunAsync(string root, string work, string failpoint, int count)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            Environment =
            {
                ["DOTNET_STARTUP_HOOKS"] = typeof(Victim).Assembly.Location,
                [Order] = $"{root}|{work}|{failpoint}|{count}",
            },
        };
        using Process process = Process.Start(start)!;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode;
    }

    public static async Task WorkAsync(ImageStore store, string work, IContentSource source, CancellationToken cancellationToken)
    {
        switch (work)
        {
            case "pull":
                await New.PullAsync(store, source, "debian", cancellationToken);
                break;
            case "rmi":
                await store.RemoveAsync("debian", force: false, cancellationToken);
                break;
            default:
                await store.PruneAsync(new ImagePruneOptions { All = true }, cancellationToken);
                break;
        }
    }

    /// <summary>Acts, if this process is told to, in place of the test runner.</summary>
    public static void Start()
    {
        if (Environment.GetEnvironmentVariable(Order)?.Split('|') is [{ } root, { } work, { } failpoint, { } count])
        {
            DieAsync(root, work, failpoint, int.Parse(count, null)).GetAwaiter().GetResult();
            Environment.Exit(0);
        }
    }

    private static async Task DieAsync(string root, string work, string failpoint, int count)
    {
        int left = count;
        void Reach(string point)
        {
            if (point == failpoint && Interlocked.Decrement(ref left) == 0)
            {
                Process.GetCurrentProcess().Kill();
                new ManualResetEventSlim().Wait();
            }
        }

        await using ImageStore store = await ImageStore.OpenAsync(
            new StoreOptions { Root = root, Durable = false, Failpoint = Reach }, CancellationToken.None);
        await WorkAsync(store, work, new ReachingSource(Reach), CancellationToken.None);
    }

    private static byte[] Base() => Tar.Of(Dir("bin"), File("bin/sh", "#!"), Symlink("sh", "bin/sh"));

    private static byte[] Noise(int size)
    {
        byte[] noise = new byte[size];
        new Random(1).NextBytes(noise);
        return noise;
    }

    /// <summary>Reaches the failpoint "transfer" with every piece that it delivers.</summary>
    private sealed class ReachingSource(Action<string> reach) : IResumableSource
    {
        public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) => default;

        public ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) => Content.OpenAsync(descriptor, cancellationToken);

        public async ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken) =>
            new ReachingStream((await Content.ReadDocumentAsync(descriptor, cancellationToken))[(int)offset..], reach);
    }

    private sealed class ReachingStream(byte[] content, Action<string> reach) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            reach("transfer");
            return base.ReadAsync(buffer[..Math.Min(buffer.Length, 128 << 10)], cancellationToken);
        }
    }
}
