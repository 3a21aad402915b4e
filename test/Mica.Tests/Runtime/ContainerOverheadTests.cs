using System.Diagnostics;
using Mica.Runtime;

namespace Mica.Tests.Runtime;

/// <summary>Nothing runs beside it, so that times mean something.</summary>
[CollectionDefinition(nameof(ContainerOverheadTests), DisableParallelization = true)]
[Collection(nameof(ContainerOverheadTests))]
public sealed class ContainerOverheadTests(ITestOutputHelper log) : IDisposable
{
    private const int Rounds = 15;

    private readonly RuntimeFixture _fixture = new();

    [Fact]
    public async Task Run_True_CostsLittleMoreThanCrunAlone()
    {
        string bundle = _fixture.MakeDirectory("bundle");
        await _fixture.RunAsync(_fixture.Spec("/bin/true"));
        string config = $$$"""
            {"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0},"args":["/bin/true"],"env":["PATH=/bin"],"cwd":"/"},
             "root":{"path":"{{{_fixture.Layer}}}"},
             "mounts":[{"destination":"/proc","type":"proc","source":"proc"},{"destination":"/dev","type":"tmpfs","source":"tmpfs"},
              {"destination":"/dev/pts","type":"devpts","source":"devpts"},{"destination":"/dev/shm","type":"tmpfs","source":"shm"},
              {"destination":"/dev/mqueue","type":"mqueue","source":"mqueue"},{"destination":"/sys","type":"sysfs","source":"sysfs","options":["ro"]}],
             "linux":{"namespaces":[{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"network"}]}}
            """;
        RuntimeFixture.Write(bundle, "config.json", config);
        RuntimeFixture.Write(bundle, "loop.sh", $"""
            mount --make-rslave /; umount /sys/fs/cgroup/unified 2>/dev/null
            for i in $(seq {Rounds}); do crun --root {bundle}/state run -b {bundle} bare$i || exit 1; done
            """);
        Stopwatch clock = Stopwatch.StartNew();
        using (Process bare = Process.Start("unshare", ["-m", "sh", Path.Combine(bundle, "loop.sh")]))
        {
            await bare.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, bare.ExitCode);
        }

        double bareTime = clock.Elapsed.TotalMilliseconds / Rounds;
        clock.Restart();
        for (int i = 0; i < Rounds; i++)
        {
            var (exit, _, _) = await _fixture.RunAsync(_fixture.Spec("/bin/true") with { Network = NetworkMode.None });
            Assert.Equal(0, exit.Code);
        }

        double ours = clock.Elapsed.TotalMilliseconds / Rounds;
        log.WriteLine($"crun alone {bareTime:0.0} ms, ours {ours:0.0} ms ({ours / bareTime:0.00} times)");
        Assert.True(ours < (3 * bareTime) + 30, $"{ours:0.0} ms for a container, where crun alone takes {bareTime:0.0} ms");
    }

    public void Dispose() => _fixture.Dispose();
}
