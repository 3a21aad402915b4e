using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mica.SystemTests.Building;

/// <summary>Where builds take files and images from besides their directory: git repositories and layouts.</summary>
public sealed class SourceTests(Workbench bench)
{
    [Fact]
    public async Task Add_OfAGitRepository_HasTheCommitsFiles()
    {
        await using GitServer git = await GitServer.StartAsync(bench.NewDirectory("git"));
        await using BuildBench build = await BuildBench.OpenAsync(bench);
        string dockerfile = $"""
            FROM scratch
            ADD {git.Address}#main /src
            ADD --chown=5:6 {git.Address}?ref=v1&subdir=sub /own/
            ADD --keep-git-dir=true --exclude=sub {git.Address}#v1 /kept
            """;

        string[] tree = await build.TreeAsync(dockerfile);
        (await build.TryAsync(dockerfile, "-t", "first")).Succeeded();
        (await build.TryAsync(dockerfile, "--no-cache", "-t", "second")).Succeeded();

        Assert.Contains(tree, line => line.Contains("src/a", StringComparison.Ordinal));
        Assert.Contains(tree, line => line.Contains("own/b", StringComparison.Ordinal));
        Assert.Contains(tree, line => line.Contains("kept/.git/HEAD", StringComparison.Ordinal));
        Assert.DoesNotContain(tree, line => line.Contains("src/.git", StringComparison.Ordinal) || line.Contains("kept/sub", StringComparison.Ordinal));
        string again = (await build.TryAsync(dockerfile, "--progress=plain", "-t", "third")).Succeeded().Errors;
        Assert.Equal(3, again.Split("CACHED\n").Length - 1);

        await git.CommitAsync("echo two >>a");
        string moved = (await build.TryAsync(dockerfile, "--progress=plain", "--explain", "-t", "third")).Succeeded().Errors;
        Assert.Matches("commit of git://.*#main changed, [0-9a-f]{40} → [0-9a-f]{40}", moved);
        Assert.Contains("there is no branch or tag nosuch", await build.FailAsync($"FROM scratch\nADD {git.Address}#nosuch /"), StringComparison.Ordinal);
        Assert.Contains("the commit is ", await build.FailAsync($"FROM scratch\nADD --checksum={new string('0', 40)} {git.Address}#v1 /"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lock_OfAGitRepository_KeepsItsCommit()
    {
        await using GitServer git = await GitServer.StartAsync(bench.NewDirectory("git"));
        await using BuildBench build = await BuildBench.OpenAsync(bench);
        build.File("Dockerfile", $"FROM scratch\nADD {git.Address}#main /\n");
        string first = (await git.CommitAsync("echo one >>a")).Trim();

        Assert.Equal($"{git.Address}#main: {first}\n", await build.Mica.RunAsync("lock", build.Context));
        string second = (await git.CommitAsync("echo two >>a")).Trim();

        CommandResult check = await build.Mica.TryAsync("lock", "--check", build.Context);
        Assert.Equal((1, $"{git.Address}#main: {first} → {second}\n"), (check.ExitCode, check.Output));
        string tree = bench.NewDirectory("tree");
        await build.Mica.RunAsync("build", "-q", "--locked", "-o", tree, build.Context);
        Assert.DoesNotContain("two", await File.ReadAllTextAsync(Path.Combine(tree, "a"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await build.Mica.RunAsync("lock", "--refresh", $"{git.Address}#main", build.Context);
        await build.Mica.RunAsync("build", "-q", "--locked", "-o", tree, build.Context);
        Assert.Contains("two", await File.ReadAllTextAsync(Path.Combine(tree, "a"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Context_OfALayout_IsAnImage()
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench);
        string layout = bench.NewDirectory("layout");
        await build.Mica.RunAsync("copy", $"docker://{bench.Registry.Address}/python:3", $"oci:{layout}:py");
        const string Dockerfile = "FROM base AS one\nUSER 0\nRUN echo made >/made\nFROM scratch\nCOPY --from=one /made /\nCOPY --from=base /app/hello.py /\n";

        string[] tree = await build.TreeAsync(Dockerfile, "--build-context", $"base=oci-layout://{layout}:py");

        Assert.Equal(2, tree.Count(line => line.Contains("made", StringComparison.Ordinal) || line.Contains("hello.py", StringComparison.Ordinal)));
        Assert.Contains("nosuch: not found", await build.FailAsync(Dockerfile, "--build-context", $"base=oci-layout://{layout}:nosuch"), StringComparison.Ordinal);
        await build.Mica.CheckAsync();
    }

    [Fact]
    public async Task Settings_OfAFile_LimitTheCacheAndTheModes()
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench);
        string config = Path.Combine(build.Mica.Home, "config.json");
        build.Mica.Environment["MICA_CONFIG"] = config;
        File.SetUnixFileMode(build.File("f", "x"), UnixFileMode.UserRead);
        const string Dockerfile = "FROM busybox\nCOPY f /f\nRUN busybox ls -l /f; busybox head -c 3000000 /dev/urandom >/big; echo $BIG\n";

        await File.WriteAllTextAsync(config, """{ "build": { "portableModes": true } }""", TestContext.Current.CancellationToken);
        Assert.Contains("-rw-r--r--", (await build.TryAsync(Dockerfile, "--progress=plain")).Succeeded().Errors, StringComparison.Ordinal);
        await File.WriteAllTextAsync(config, """{ "build": { "cache": { "maxSize": "1m" } } }""", TestContext.Current.CancellationToken);
        (await build.TryAsync(Dockerfile, "-t", "big", "--no-cache")).Succeeded();
        await build.Mica.RunAsync("image", "prune", "-a", "-f");
        (await build.TryAsync("FROM scratch\nCOPY f /\n")).Succeeded();
        Assert.DoesNotContain("MB", (await build.Mica.RunAsync("system", "df")).Split('\n').Single(line => line.StartsWith("Build Cache", StringComparison.Ordinal)), StringComparison.Ordinal);

        await File.WriteAllTextAsync(config, """{ "build": { "cache": { "maxAge": "soon" } } }""", TestContext.Current.CancellationToken);
        Assert.Contains("config.json: build.cache.maxAge", await build.Mica.FailAsync(2, "build", build.Context), StringComparison.Ordinal);
        await File.WriteAllTextAsync(config, """{ "biuld": {} }""", TestContext.Current.CancellationToken);
        Assert.Contains("config.json:1: malformed", await build.Mica.FailAsync(2, "build", build.Context), StringComparison.Ordinal);
    }

    /// <summary>A tar for /dev/null took its place.</summary>
    [Fact]
    public async Task Output_TarToADevice_IsWrittenToAndNotReplaced()
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench);
        string device = Path.Combine(build.Mica.Home, "null");
        await Shell.ScriptAsync("mknod \"$1\" c 1 3", device);
        build.File("f", "x");

        (await build.TryAsync("FROM scratch\nCOPY f /\n", "-o", $"type=tar,dest={device}")).Succeeded();
        (await build.TryAsync("FROM scratch\nCOPY f /\n", "-o", $"type=docker,dest={device}")).Succeeded();
        await build.Mica.RunAsync("create", "--name", "box", "--network", "none", "busybox");
        await build.Mica.RunAsync("export", "-o", device, "box");

        Assert.Equal("character special file\n", await Shell.ScriptAsync("stat -c %F \"$1\"", device));
    }

    /// <summary>A repository that git's own server gives out, with the branch <c>main</c> and the tag <c>v1</c>.</summary>
    private sealed class GitServer(string directory, Process process, int port) : IAsyncDisposable
    {
        public string Address => string.Create(CultureInfo.InvariantCulture, $"git://127.0.0.1:{port}/repo.git");

        public static async Task<GitServer> StartAsync(string directory)
        {
            await Shell.ScriptAsync(
                """
                cd "$1" && git init -q -b main work && cd work && git config user.email a@b && git config user.name n
                echo one >a; mkdir sub; echo two >sub/b; ln -s a link; git add -A; git commit -qm one; git tag -a v1 -m v1
                git clone -q --bare . ../repo.git; git remote add origin ../repo.git
                """, directory);
            using TcpListener free = new(IPAddress.Loopback, 0);
            free.Start();
            int port = ((IPEndPoint)free.LocalEndpoint).Port;
            free.Stop();
            Process process = Shell.Start(
                ["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", $"--port={port}", "--export-all", $"--base-path={directory}", directory]);
            await Shell.ScriptAsync("for i in $(seq 100); do git ls-remote \"$1\" >/dev/null 2>&1 && exit; sleep 0.05; done; exit 1", $"git://127.0.0.1:{port}/repo.git");
            return new GitServer(directory, process, port);
        }

        /// <summary>Changes something, and gives the new commit.</summary>
        public Task<string> CommitAsync(string script) =>
            Shell.ScriptAsync("cd \"$1/work\" && eval \"$2\" && git commit -qam more && git push -q origin main && git rev-parse HEAD", directory, script);

        public async ValueTask DisposeAsync()
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }
}
