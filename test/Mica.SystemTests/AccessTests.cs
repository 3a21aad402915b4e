namespace Mica.SystemTests;

/// <summary>Registries with TLS and a password, mirrors, and registries that do not answer.</summary>
public sealed class AccessTests(Workbench bench)
{
    [Fact]
    public async Task Login_RightPassword_IsKeptForPullAndPush()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("auth", withPassword: true);
        await using MicaRoot mica = Trusting(registry);
        await PulledAsync(mica, "busybox:latest", $"{registry.Address}/mine:1");

        CommandResult login = await mica.TryWithInputAsync(
            LoopbackRegistry.Password + "\n", "login", "-u", LoopbackRegistry.User, "--password-stdin", registry.Address);
        await mica.RunAsync("push", $"{registry.Address}/mine:1");
        await mica.RunAsync("rmi", $"{registry.Address}/mine:1");
        await mica.RunAsync("pull", $"{registry.Address}/mine:1");

        Assert.Contains("Login Succeeded", login.Succeeded().Output, StringComparison.Ordinal);
        string file = Assert.Single(Directory.GetFiles(mica.Home, "*.json", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(mica.Environment["XDG_RUNTIME_DIR"]!, "*.json", SearchOption.AllDirectories)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.DoesNotContain(LoopbackRegistry.Password, login.Output + login.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logout_AfterLogin_ForgetsThePassword()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("auth", withPassword: true);
        await using MicaRoot mica = Trusting(registry);
        (await mica.TryWithInputAsync(LoopbackRegistry.Password, "login", "-u", LoopbackRegistry.User, "--password-stdin", registry.Address)).Succeeded();

        await mica.RunAsync("logout", registry.Address);

        await mica.FailAsync(1, "pull", $"{registry.Address}/mine:1");
    }

    [Fact]
    public async Task Login_WrongPassword_IsRefusedAndNotKept()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("auth", withPassword: true);
        await using MicaRoot mica = Trusting(registry);

        CommandResult login = await mica.TryWithInputAsync("plum tree\n", "login", "-u", LoopbackRegistry.User, "--password-stdin", registry.Address);

        Assert.Contains("unauthorized", MicaRoot.Refusal(login), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("plum tree", login.Output + login.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(mica.Home, "config.json", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Pull_NotLoggedIn_SaysUnauthorized()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("auth", withPassword: true);
        await using MicaRoot mica = Trusting(registry);

        string error = await mica.FailAsync(1, "pull", $"{registry.Address}/mine:1");

        Assert.Matches("(?i)unauthorized|no basic auth credentials", error);
        Assert.Contains(registry.Address, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_UnknownAuthorityOnLoopback_IsNotAskedFor()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("tls", withPassword: true);
        await using MicaRoot mica = bench.NewRoot();

        string error = await mica.FailAsync(1, "pull", $"localhost:{registry.Address.Split(':')[1]}/mine:1");

        Assert.Contains("unauthorized", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_ThroughAMirror_ReachesARegistryThatDoesNotExist()
    {
        await using MicaRoot mica = bench.NewRoot();
        Configure(mica, $"""
            [[registry]]
            prefix = "registry.invalid"
            location = "registry.invalid"
            [[registry.mirror]]
            location = "127.0.0.1:1"
            insecure = true
            [[registry.mirror]]
            location = "{bench.Registry.Address}"
            insecure = true
            """);

        await mica.RunAsync("pull", "registry.invalid/busybox:latest");

        Assert.Equal($"registry.invalid/busybox@{bench.Images["busybox:latest"].Digest}", (string)(await mica.InspectAsync("registry.invalid/busybox"))["RepoDigests"]![0]!);
    }

    [Fact]
    public async Task Pull_BlockedRegistry_IsRefused()
    {
        await using MicaRoot mica = bench.NewRoot();
        Configure(mica, $"""
            [[registry]]
            location = "{bench.Registry.Address}"
            blocked = true
            """);

        Assert.Contains("blocked", await mica.FailAsync(1, "pull", $"{bench.Registry.Address}/busybox"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("busybox:nothing-like-this", "not found")]
    [InlineData("nothing/like:this", "nothing/like")]
    [InlineData("busybox@sha256:1111111111111111111111111111111111111111111111111111111111111111", "not found")]
    public async Task Pull_NotThere_NamesIt(string name, string words)
    {
        await using MicaRoot mica = bench.NewRoot();

        string error = await mica.FailAsync(1, "pull", $"{bench.Registry.Address}/{name}");

        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Contains(name.Split(':', '@')[0], error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_NobodyListens_SaysWhere()
    {
        await using MicaRoot mica = bench.NewRoot();

        Assert.Contains("127.0.0.1:1", await mica.FailAsync(1, "pull", "127.0.0.1:1/busybox"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lower/UPPER")]
    [InlineData("a:b:c")]
    [InlineData("name:tag with blank")]
    [InlineData("")]
    public async Task Pull_BadName_IsRefusedWithoutANetwork(string name)
    {
        await using MicaRoot mica = bench.NewRoot();

        CommandResult result = await mica.TryAsync("pull", name);

        Assert.InRange(result.ExitCode, 1, 2);
        Assert.Contains("invalid reference format", result.Errors, StringComparison.Ordinal);
    }

    private MicaRoot Trusting(LoopbackRegistry registry)
    {
        MicaRoot mica = bench.NewRoot();
        string directory = Path.Combine(mica.Home, ".config/containers/certs.d", registry.Address);
        Directory.CreateDirectory(directory);
        File.Copy(registry.Authority, Path.Combine(directory, "ca.crt"));
        return mica;
    }

    private static void Configure(MicaRoot mica, string registries)
    {
        string directory = Path.Combine(mica.Home, ".config/containers");
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "registries.conf"), registries);
    }

    private async Task PulledAsync(MicaRoot mica, string name, string tag)
    {
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/{name}");
        await mica.RunAsync("tag", $"{bench.Registry.Address}/{name}", tag);
    }
}
