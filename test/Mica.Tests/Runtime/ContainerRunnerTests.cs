using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Tests.Runtime;

public sealed class ContainerRunnerTests : IDisposable
{
    private readonly RuntimeFixture _fixture = new();

    [Fact]
    public async Task Run_Program_ItsOutputAndCode()
    {
        var (exit, output, error) = await _fixture.RunAsync(_fixture.Shell("echo out; echo err >&2; exit 3"));

        Assert.Equal((3, "out\n", "err\n"), (exit.Code, output, error));
        Assert.Null(exit.StartFailure);
        _fixture.AssertNothingLeft();
    }

    /// <summary>The thread that makes a PID namespace can make no other thread; a build crashed when the pool wanted to.</summary>
    [Fact]
    public async Task Run_OutputHandedToANewThread_IsHandedOver()
    {
        using ContainerRunner runner = new(_fixture.Options);
        int count = 0;

        ContainerExit exit = await runner.RunAsync(_fixture.Shell("echo out"), (_, bytes) =>
        {
            int length = bytes.Length;
            Thread thread = new(() => count += length);
            thread.Start();
            thread.Join();
        }, TestContext.Current.CancellationToken);

        Assert.Equal((0, 4), (exit.Code, count));
    }

    [Fact]
    public async Task Run_ByRunc_WorksToo()
    {
        Assert.SkipUnless(_fixture.Options.FindProgram("runc") is not null, "needs runc (apt-get install runc)");
        _fixture.Options = _fixture.Options with { Runtime = "runc" };

        var (exit, output, error) = await _fixture.RunAsync(_fixture.Shell("id -u; echo x > /data/old; exit 4") with { Network = NetworkMode.None });
        Assert.Equal((4, "0\n", ""), (exit.Code, output, error));
        Assert.Equal("data\ndata/old", _fixture.Changes());
        var (missing, _, _) = await _fixture.RunAsync(_fixture.Spec("/bin/nothing"));
        Assert.Equal(127, missing.Code);
        _fixture.AssertNothingLeft();
    }

    [Fact]
    public async Task Run_True_LeavesUpperDirectoryAsItWas()
    {
        ContainerSpec spec = _fixture.Spec("/bin/true");
        using DirectoryHandle upper = DirectoryHandle.Open(_fixture.Upper);
        FileTime before = upper.GetStatus().Modified;

        var (exit, _, _) = await _fixture.RunAsync(spec);

        Assert.Equal(0, exit.Code);
        Assert.Equal("", _fixture.Changes());
        Assert.Equal(before, upper.GetStatus().Modified);
    }

    [Fact]
    public async Task Run_ChangesBesideMountPoints_AreKept()
    {
        var (exit, output, error) = await _fixture.RunAsync(_fixture.Shell("echo x > /etc/new; rm /data/old; mkdir /proc2; chmod 700 /bin; ls -a /data"));

        Assert.Equal((0, ".\n..\n", ""), (exit.Code, output, error));
        Assert.Equal("bin\ndata\ndata/old\netc\netc/new\nproc2", _fixture.Changes());
        using DirectoryHandle data = DirectoryHandle.Open(Path.Combine(_fixture.Upper, "data"));
        Assert.True(data.GetStatus("old"u8).IsWhiteout);
    }

    [Fact]
    public async Task Run_UserEnvironmentDirectoryAndHostname_AreTheSpecifications()
    {
        ContainerSpec spec = _fixture.Shell("id -u; id -g; id -G; echo $A; pwd; hostname; cat /etc/hostname; stat -c %u /new/work") with
        {
            User = new ContainerUser(1000, 1001) { AdditionalGids = [44, 45] },
            Environment = ["PATH=/bin", "A=b c"],
            WorkingDirectory = "/new/work",
            Hostname = "box",
        };

        var (exit, output, error) = await _fixture.RunAsync(spec);

        Assert.Equal((0, "1000\n1001\n1001 44 45\nb c\n/new/work\nbox\nbox\n1000\n", ""), (exit.Code, output, error));
        Assert.Equal("new\nnew/work", _fixture.Changes());
    }

    [Fact]
    public async Task Run_StandardInput_IsAtItsEnd()
    {
        var (exit, output, _) = await _fixture.RunAsync(_fixture.Shell("cat; echo end"));

        Assert.Equal((0, "end\n"), (exit.Code, output));
    }

    [Theory]
    [InlineData("/bin/nothing", 127)]
    [InlineData("nothing", 127)]
    [InlineData("/etc/passwd", 126)]
    public async Task Run_ProgramThatCannotBeRun_IsToldApart(string program, int code)
    {
        var (exit, output, _) = await _fixture.RunAsync(_fixture.Spec(program));

        Assert.Equal((code, ""), (exit.Code, output));
        Assert.NotNull(exit.StartFailure);
        Assert.DoesNotContain('\n', exit.StartFailure);
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Run_ProcessKilledBySignal_Is128AndTheSignal()
    {
        var (exit, _, _) = await _fixture.RunAsync(_fixture.Shell("sh -c 'kill -9 $$'; exit $?"));

        Assert.Equal(137, exit.Code);
        Assert.False(exit.OutOfMemory);
    }

    [Fact]
    public async Task Run_NetworkNone_HasLoopbackOnly()
    {
        var (exit, output, _) = await _fixture.RunAsync(_fixture.Shell("ls /sys/class/net; ip a show lo | grep -c UP") with { Network = NetworkMode.None });

        Assert.Equal((0, "lo\n1\n"), (exit.Code, output));
    }

    [Fact]
    public async Task Run_ExtraHostsAndDns_AreInTheirFiles()
    {
        ContainerSpec spec = _fixture.Shell("cat /etc/resolv.conf; grep extra /etc/hosts; echo more >> /etc/hosts") with
        {
            ExtraHosts = [new ExtraHost("extra", "10.1.2.3")],
            Dns = new DnsSettings { Servers = ["10.9.8.7"], Searches = ["a.b", "c.d"], Options = ["ndots:1"] },
        };

        var (exit, output, _) = await _fixture.RunAsync(spec);

        Assert.Equal((0, "nameserver 10.9.8.7\nsearch a.b c.d\noptions ndots:1\n10.1.2.3\textra\n"), (exit.Code, output));
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Run_FiveHundredLayers_AreOneTree()
    {
        ContainerSpec spec = _fixture.Shell("ls /many | grep -c .; cat /top");
        List<string> layers = [];
        for (int i = 0; i < 499; i++)
        {
            string layer = _fixture.MakeDirectory($"a-layer-with-quite-a-long-name-{i}");
            RuntimeFixture.Write(layer, $"many/f{i}", "");
            RuntimeFixture.Write(layer, "top", $"{i}\n");
            layers.Add(layer);
        }

        var (exit, output, error) = await _fixture.RunAsync(spec with { Root = spec.Root with { LowerDirectories = [.. layers, _fixture.Layer] } });

        Assert.Equal((0, "499\n0\n", ""), (exit.Code, output, error));
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Run_Cancelled_EverythingIsGone()
    {
        ContainerSpec spec = _fixture.Shell("trap '' TERM INT; (sleep 987654; true) & echo up; sleep 987654; true") with { Limits = new ResourceLimits { Pids = 50 } };
        using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

        Task<ContainerExit> run = new ContainerRunner(_fixture.Options).RunAsync(spec, (_, _) => cancel.Cancel(), cancel.Token);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Empty(ProcessesOf("987654"));
        Assert.Empty(Directory.GetDirectories("/sys/fs/cgroup", spec.Id, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 4, IgnoreInaccessible = true }));
        _fixture.AssertNothingLeft();
    }

    [Fact]
    public async Task Run_SameNameTwice_IsAConflict()
    {
        ContainerSpec spec = _fixture.Shell("echo up; sleep 100");
        using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        TaskCompletionSource up = new();
        Task<ContainerExit> run = new ContainerRunner(_fixture.Options).RunAsync(spec, (_, _) => up.TrySetResult(), cancel.Token);
        await up.Task;

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => _fixture.RunAsync(spec));

        Assert.Equal(ErrorKind.Conflict, failure.Kind);
        Assert.Empty(new ContainerRunner(_fixture.Options).RemoveLeftovers());
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task Run_MemoryLimit_IsToldWhenItWasTheReason()
    {
        ContainerSpec spec = _fixture.Shell("tail /dev/zero") with { Limits = new ResourceLimits { Memory = 32 << 20 } };

        var (exit, _, _) = await _fixture.RunAsync(spec);

        Assert.NotEqual(0, exit.Code);
        Assert.True(exit.OutOfMemory);
        _fixture.AssertNothingLeft();
    }

    [Fact]
    public async Task Run_PidsLimitAndUlimit_Hold()
    {
        ContainerSpec spec = _fixture.Shell("ulimit -n; for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; echo started") with
        {
            Limits = new ResourceLimits { Pids = 4 },
            Ulimits = [new Ulimit("nofile", 100, 9_000_000_000)],
        };

        var (exit, output, error) = await _fixture.RunAsync(spec);

        Assert.StartsWith("100\n", output, StringComparison.Ordinal);
        Assert.NotEqual(0, exit.Code);
        Assert.Contains("fork", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OrdinaryContainer_CannotMountNorMakeNamespaces()
    {
        var (_, output, _) = await _fixture.RunAsync(_fixture.Shell(
            "unshare -U true || echo no; mount -t tmpfs x /data || echo no; grep -E 'CapEff|^Seccomp:' /proc/self/status; echo x > /proc/sys/kernel/hostname || echo no"));

        Assert.Equal("no\nno\nCapEff:\t00000000a80425fb\nSeccomp:\t2\nno\n", output);
    }

    [Fact]
    public async Task Run_Privileged_HasAllThatWeHave()
    {
        var (exit, output, _) = await _fixture.RunAsync(_fixture.Shell(
            "mount -t tmpfs x /data && grep ^Seccomp: /proc/self/status") with { Isolation = new IsolationSpec { IsPrivileged = true } });

        Assert.Equal((0, "Seccomp:\t0\n"), (exit.Code, output));
    }

    [Fact]
    public async Task Run_ReadOnlyRoot_CannotBeWritten()
    {
        ContainerSpec spec = _fixture.Shell("echo x > /file || echo no");

        var (_, output, _) = await _fixture.RunAsync(spec with { Root = spec.Root with { IsReadOnly = true } });

        Assert.Equal("no\n", output);
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Run_MuchOutput_ComesWhole()
    {
        long count = 0;
        ContainerExit exit = await new ContainerRunner(_fixture.Options).RunAsync(
            _fixture.Shell("dd if=/dev/zero bs=1M count=20 2>/dev/null"), (_, bytes) => count += bytes.Length, TestContext.Current.CancellationToken);

        Assert.Equal((0, 20L << 20), (exit.Code, count));
    }

    [Fact]
    public async Task Run_OutputThatThrows_EndsTheContainer()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => new ContainerRunner(_fixture.Options).RunAsync(
            _fixture.Shell("echo x; sleep 876543"), (_, _) => throw new InvalidOperationException(), TestContext.Current.CancellationToken));

        Assert.Empty(ProcessesOf("876543"));
        _fixture.AssertNothingLeft();
    }

    [Fact]
    public void Find_NoRuntime_SaysWhatToInstall()
    {
        RuntimeOptions options = _fixture.Options with { ProgramDirectories = ["/nowhere"] };

        MicaException failure = Assert.Throws<MicaException>(() => new ContainerRunner(options).RuntimeName);

        Assert.Equal(ErrorKind.Unsupported, failure.Kind);
        Assert.Contains("install crun", failure.Message, StringComparison.Ordinal);
    }

    internal static List<string> ProcessesOf(string word)
    {
        List<string> found = [];
        foreach (string path in Directory.GetDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                string command = File.ReadAllText(Path.Combine(path, "cmdline")).Replace('\0', ' ');
                if (command.Contains(word, StringComparison.Ordinal))
                {
                    found.Add(command);
                }
            }
            catch (IOException)
            {
                // It ended.
            }
        }

        return found;
    }

    public void Dispose() => _fixture.Dispose();
}
