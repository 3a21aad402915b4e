namespace Mica.SystemTests.Containers;

/// <summary>The writable layer, volumes, and what is mounted.</summary>
public sealed class LayerTests(Workbench bench)
{
    [Fact]
    public async Task Container_WritingEverywhere_LeavesItsImageAsItWas()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        const string Hash = "cd \"$1/layers\" && find . -type f -exec sha256sum {} + | sort -k2; find . -printf '%p %m %u %g %s %T@\\n' | sort";
        string before = await Shell.ScriptAsync(Hash, one.Mica.Store);

        await one.PrintedAsync("rm -rf /etc /root; chmod 700 /tmp; echo x >/bin/new; busybox touch -d 2001-01-01 /bin/busybox; mkdir /etc; echo y >/etc/f");

        Assert.Equal(before, await Shell.ScriptAsync(Hash, one.Mica.Store));
    }

    [Fact]
    public async Task Diff_Commit_AndRun_TellTheSame()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.RunAsync("run", "--name", "work", "--network", "none", "-v", "/data", "busybox", "sh", "-c", "echo new >/tmp/new; rm -rf /root; echo v >/data/v; mkdir -p /opt/a/b");

        string[] changes = (await one.RunAsync("diff", "work")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await one.RunAsync("commit", "-m", "try", "-c", "CMD [\"cat\", \"/tmp/new\"]", "-c", "ENV A=b", "work", "made:1");

        Assert.Equal(["A /opt", "A /opt/a", "A /opt/a/b", "D /root", "C /tmp", "A /tmp/new"], changes);
        Assert.Equal("new\n", await one.RunAsync("run", "--rm", "--network", "none", "made:1"));
        Assert.Equal("b\n", await one.RunAsync("run", "--rm", "--network", "none", "made:1", "sh", "-c", "[ -e /root ] || echo $A"));
        Assert.Contains("try", await one.RunAsync("history", "made:1"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Cp_BothWays_FollowsDockersRules(bool isRunning)
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.SleepAsync("box");
        await one.RunAsync("exec", "box", "sh", "-c", "mkdir -p /d/sub; echo 1 >/d/sub/f; chmod 640 /d/sub/f; ln -s /etc/shadow /d/link; ln -s / /d/out");
        if (!isRunning)
        {
            await one.RunAsync("stop", "-t", "0", "box");
        }

        string here = Directory.CreateDirectory(Path.Combine(one.Mica.Home, "here")).FullName;
        await File.WriteAllTextAsync(Path.Combine(here, "up"), "up", TestContext.Current.CancellationToken);
        await one.RunAsync("cp", "box:/d", $"{here}/");
        await one.RunAsync("cp", "box:/d/.", $"{here}/content");
        await one.RunAsync("cp", "box:/d/sub/f", $"{here}/renamed");
        await one.RunAsync("cp", $"{here}/up", "box:/tmp/");
        await one.RunAsync("cp", $"{here}/d", "box:/srv");
        await one.RunAsync("cp", $"{here}/up", "box:/d/out/tmp/through-a-link");

        Assert.Equal("1\n", await File.ReadAllTextAsync($"{here}/d/sub/f", TestContext.Current.CancellationToken));
        Assert.Equal("1\n", await File.ReadAllTextAsync($"{here}/content/sub/f", TestContext.Current.CancellationToken));
        Assert.Equal("1\n", await File.ReadAllTextAsync($"{here}/renamed", TestContext.Current.CancellationToken));
        Assert.Equal("/etc/shadow", new FileInfo($"{here}/d/link").LinkTarget);
        Assert.False(File.Exists("/tmp/through-a-link"));
        Assert.Contains("could not find the file", await one.Mica.FailAsync(1, "cp", "box:/nosuch", here), StringComparison.Ordinal);
        Assert.Contains("could not find the file", await one.Mica.FailAsync(1, "cp", $"{here}/up", "box:/no/such/place"), StringComparison.Ordinal);
        if (!isRunning)
        {
            await one.RunAsync("start", "box");
        }

        Assert.Equal("up1\nup", await one.RunAsync("exec", "box", "sh", "-c", "cat /tmp/up /srv/sub/f /tmp/through-a-link"));
    }

    [Fact]
    public async Task ExportAndImport_KeepAllFiles()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.RunAsync("run", "--name", "work", "--network", "none", "busybox", "sh", "-c", "echo here >/tmp/f; chmod 4711 /tmp/f");
        string archive = Path.Combine(one.Mica.Home, "all.tar");

        await one.RunAsync("export", "-o", archive, "work");
        await one.RunAsync("import", "-c", "CMD [\"sh\"]", "-c", "ENV PATH=/bin", archive, "flat:1");

        Assert.Equal("here\n-rws--x--x\n", await one.RunAsync("run", "--rm", "--network", "none", "flat:1", "sh", "-c", "cat /tmp/f; ls -l /tmp/f | busybox cut -c1-10"));
    }

    [Fact]
    public async Task Import_OfAnAddress_FetchesIt()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        string files = bench.NewDirectory("web");
        await one.RunAsync("create", "--name", "box", "--network", "none", "busybox");
        await one.RunAsync("export", "-o", Path.Combine(files, "box.tar"), "box");
        using System.Net.Sockets.TcpListener free = new(System.Net.IPAddress.Loopback, 0);
        free.Start();
        string server = $"127.0.0.1:{((System.Net.IPEndPoint)free.LocalEndpoint).Port}";
        free.Stop();
        using System.Diagnostics.Process web = Shell.Start(["busybox", "httpd", "-f", "-p", server, "-h", files]);
        try
        {
            await Shell.ScriptAsync("for i in $(seq 100); do (exec 3<>/dev/tcp/${1/:/\\/}) 2>/dev/null && exit; sleep 0.05; done; exit 1", server);

            await one.RunAsync("import", "-c", "CMD [\"echo\", \"fetched\"]", $"http://{server}/box.tar", "fetched:1");

            Assert.Equal("fetched\n", await one.RunAsync("run", "--rm", "--network", "none", "fetched:1"));
            Assert.Contains("the server answered 404", await one.Mica.FailAsync(1, "import", $"http://{server}/nosuch.tar"), StringComparison.Ordinal);
        }
        finally
        {
            web.Kill();
        }
    }

    [Fact]
    public async Task Volumes_OutliveContainers_AndGetWhatTheImageHas()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.PrintedAsync("echo kept >/data/f", "-v", "data:/data");

        Assert.Equal("kept\n", await one.PrintedAsync("cat /data/f", "-v", "data:/data:ro"));
        Assert.NotEqual(0, (await one.ShellAsync("echo x >/data/g", "-v", "data:/data:ro")).ExitCode);
        Assert.Contains("busybox", await one.PrintedAsync("ls /copy", "-v", "copied:/bin", "-v", "copied:/copy"), StringComparison.Ordinal);
        Assert.Equal("", await one.PrintedAsync("ls /x", "--mount", "type=volume,src=empty,dst=/x,volume-nocopy"));
        Assert.Equal("kept\n", await one.PrintedAsync("cat /f", "--mount", "type=volume,src=data,dst=/f,volume-subpath=f"));
        Assert.Equal("copied\ndata\nempty\n", await one.RunAsync("volume", "ls", "-q"));
        await one.PrintedAsync("echo gone >/anonymous/f", "-v", "/anonymous");
        Assert.Equal("copied\ndata\nempty\n", await one.RunAsync("volume", "ls", "-q"));
        await one.SleepAsync("user", "-v", "data:/data");
        Assert.Contains("volume is in use", await one.Mica.FailAsync(1, "volume", "rm", "data"), StringComparison.Ordinal);
        await one.RunAsync("rm", "-f", "user");
        await one.RunAsync("volume", "prune", "-a", "-f");
        Assert.Equal("", await one.RunAsync("volume", "ls", "-q"));
    }

    [Fact]
    public async Task Mounts_OfAllKinds_AreThere()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        string here = Directory.CreateDirectory(Path.Combine(one.Mica.Home, "here")).FullName;
        await File.WriteAllTextAsync(Path.Combine(here, "f"), "host", TestContext.Current.CancellationToken);

        Assert.Equal("host", await one.PrintedAsync("cat /b/f; echo back >/b/g", "--mount", $"type=bind,src={here},dst=/b"));
        Assert.Equal("back\n", await File.ReadAllTextAsync(Path.Combine(here, "g"), TestContext.Current.CancellationToken));
        Assert.Contains("bind source path does not exist", await one.Mica.FailAsync(125, "run", "--rm", "--network", "none", "--mount", "type=bind,src=/no/such,dst=/b", "busybox"), StringComparison.Ordinal);
        Assert.Contains("/t tmpfs rw", await one.PrintedAsync("grep ' /t ' /proc/mounts", "--tmpfs", "/t:size=64k"), StringComparison.Ordinal);
        Assert.NotEqual(0, (await one.ShellAsync("echo x >/new", "--read-only")).ExitCode);
        Assert.Equal("ok\n", await one.PrintedAsync("echo x >/tmp/new && echo ok", "--read-only", "--tmpfs", "/tmp"));
        Assert.Equal("ok\n", await one.PrintedAsync("[ -x /image/bin/busybox ] && echo ok", "--mount", "type=image,src=busybox,dst=/image"));
    }
}
