using System.Diagnostics;
using System.Text;
using Mica.Linux;
using Mica.Runtime;
using Mica.Tests.Linux;

namespace Mica.Tests.Runtime;

/// <summary>
/// Containers of an ordinary user. Root prepares one, with or without subordinate ids; that user's run of this program enters a
/// user namespace; a third run in there has containers to check.
/// </summary>
public sealed class RootlessTests(ITestOutputHelper log)
{
    private const string Variable = "MICA_TEST_RUNG";
    private const string UserName = "micatest";

    [Theory]
    [InlineData(RuntimeRung.SubordinateIds)]
    [InlineData(RuntimeRung.SingleId)]
    public async Task Run_OrdinaryUser_ContainersWork(RuntimeRung rung)
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "needs root, to become another user");
        Assert.SkipUnless(rung != RuntimeRung.SubordinateIds || File.Exists("/usr/bin/newuidmap"), "needs newuidmap (apt-get install uidmap)");
        using RuntimeFixture fixture = new(); // skips without what containers need
        using ScratchDirectory scratch = new();
        scratch.WriteFile("passwd", $"root:x:0:0::/root:/bin/sh\n{UserName}:x:{UnprivilegedThread.UserId}:{UnprivilegedThread.UserId}::/:/bin/sh\n");
        scratch.WriteFile("subids", rung == RuntimeRung.SubordinateIds ? $"{UserName}:200000:65536\n" : "");
        Directory.CreateDirectory(scratch.Combine("tmp"));
        scratch.Handle.SetMode(0x1ed);
        scratch.Handle.SetOwner("tmp"u8, UnprivilegedThread.UserId, UnprivilegedThread.UserId);
        string script = $"""
            mount --bind {scratch.Path}/passwd /etc/passwd && mount --bind {scratch.Path}/subids /etc/subuid && mount --bind {scratch.Path}/subids /etc/subgid || exit 1
            exec setpriv --reuid {UnprivilegedThread.UserId} --regid {UnprivilegedThread.UserId} --clear-groups --inh-caps=-all --bounding-set=+all "$@"
            """;
        ProcessStartInfo start = new("unshare", ["--mount", "sh", "-c", script, "sh", .. ThisProgram(nameof(Outside))])
        {
            RedirectStandardOutput = true,
            Environment = { [Variable] = rung.ToString(), ["TMPDIR"] = scratch.Combine("tmp"), ["HOME"] = scratch.Combine("tmp") },
        };
        using Process user = Process.Start(start)!;
        string said = await user.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await user.WaitForExitAsync(TestContext.Current.CancellationToken);

        log.WriteLine(said);
        Assert.True(user.ExitCode == 0, said);
        Assert.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0", said, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public void Outside()
    {
        Assert.NotEqual(0u, LinuxUser.EffectiveUserId);
        using ScratchDirectory scratch = new();
        RuntimeOptions options = new(scratch.Combine("state"), scratch.Combine("scratch"));

        RuntimeSupport support = new RuntimeProbe(options).Probe();

        Assert.Equal(Environment.GetEnvironmentVariable(Variable), support.Rung.ToString());
        log.WriteLine(support.Reason);
        StringBuilder said = new();
        string[] environment = [.. Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().Select(entry => $"{entry.Key}={entry.Value}")];
        using ChildProcess inside = ChildProcess.Start(support.Namespace!.Command([.. ThisProgram(nameof(Inside))], [.. environment], options));
        inside.ReadOutput((_, bytes) => said.Append(Encoding.UTF8.GetString(bytes)));
        Assert.True(inside.Wait() == 0, said.ToString());
        Assert.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0", said.ToString(), StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task Inside()
    {
        Assert.Equal(0u, LinuxUser.EffectiveUserId);
        using ScratchDirectory scratch = new();
        RuntimeSupport support = new RuntimeProbe(new RuntimeOptions(scratch.Combine("state"), scratch.Combine("scratch"))).Probe();
        Assert.Equal(Environment.GetEnvironmentVariable(Variable), support.Rung.ToString());
        Assert.Null(support.Namespace);
        using RuntimeFixture fixture = new();
        fixture.Options = fixture.Options with { Rung = support.Rung };
        bool single = support.Rung == RuntimeRung.SingleId;

        foreach (NetworkMode network in (NetworkMode[])[NetworkMode.Host, NetworkMode.None])
        {
            var (exit, output, error) = await fixture.RunAsync(fixture.Spec("/bin/true") with { Network = network });
            Assert.Equal((0, "", ""), (exit.Code, output, error));
            Assert.Equal("", fixture.Changes());
        }

        ContainerSpec spec = fixture.Shell("id -u; rm /data/old; echo x > /etc/new; chown 1:1 /etc/new && stat -c %u /etc/new; cat /s; ls /proc | grep -c cpuinfo; exit 7") with
        {
            User = new ContainerUser(0, 0) { AdditionalGids = single ? [] : [5] },
            Mounts = [new SecretMount("hush\n"u8.ToArray(), "/s") { Uid = 3 }, new TreeMount([fixture.Layer], "data", "/t") { DiscardsWrites = true }, new TmpfsMount("/tmp")],
        };
        var (step, text, problem) = await fixture.RunAsync(spec);
        Assert.Equal((7, $"0\n{(single ? 0 : 1)}\nhush\n1\n", ""), (step.Code, text, problem));
        Assert.Equal("data\ndata/old\netc\netc/new", fixture.Changes());
        using DirectoryHandle upper = DirectoryHandle.Open(Path.Combine(fixture.Upper, "data"));
        Assert.True(upper.GetStatus("old"u8).IsWhiteout);

        var (other, user, _) = await fixture.RunAsync(fixture.Spec("/bin/id", "-u") with { User = new ContainerUser(1000, 1000) });
        Assert.Equal((0, single ? "0\n" : "1000\n"), (other.Code, user));
        var (missing, _, _) = await fixture.RunAsync(fixture.Spec("/nothing"));
        Assert.Equal(127, missing.Code);

        using CancellationTokenSource cancel = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ContainerRunner(fixture.Options).RunAsync(
            fixture.Shell("echo up; sleep 654321 & sleep 654321"), (_, _) => cancel.Cancel(), cancel.Token));
        Assert.Empty(ContainerRunnerTests.ProcessesOf("654321"));
        fixture.AssertNothingLeft();
    }

    private static string[] ThisProgram(string method) =>
        [Environment.ProcessPath!, "-noColor", "-noLogo", "-explicit", "only", "-method", $"{typeof(RootlessTests).FullName}.{method}", "-showLiveOutput"];
}
