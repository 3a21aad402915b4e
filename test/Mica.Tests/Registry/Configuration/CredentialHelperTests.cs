using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry.Configuration;

public sealed class CredentialHelperTests : IDisposable
{
    private readonly ConfigurationDirectory _home = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Dispose();

    [Theory]
    [InlineData("""{"credsStore":"fake"}""")]
    [InlineData("""{"credHelpers":{"r.example":"fake"}}""")]
    [InlineData("""{"credHelpers":{"https://r.example/v2/":"fake"},"credsStore":"missing"}""")]
    public async Task StoreThenFind_Helper_KeepsIt(string configuration)
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", configuration);
        CredentialStore store = _home.Credentials();

        CredentialPlace place = await store.StoreAsync("r.example", new Credential { Username = "u", Password = "p w" }, Cancellation);
        Credential? found = await store.FindAsync("r.example", "app", Cancellation);

        Assert.Equal(new CredentialPlace(_home.DockerConfig, "docker-credential-fake"), place);
        Assert.Equal(new Credential { Username = "u", Password = "p w", Origin = "docker-credential-fake" }, found);
        Assert.Contains("\"ServerURL\":\"r.example\"", _home.ReadKeychain(), StringComparison.Ordinal);
        Assert.DoesNotContain("p w", ConfigurationDirectory.Read(_home.DockerConfig), StringComparison.Ordinal);
    }

    [Fact]
    public async Task StoreThenFind_IdentityToken_GoesAsToken()
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", """{"credsStore":"fake"}""");
        CredentialStore store = _home.Credentials();

        await store.StoreAsync("r.example", new Credential { Username = "u", IdentityToken = "it" }, Cancellation);

        Assert.Equal(new Credential { IdentityToken = "it", Origin = "docker-credential-fake" }, await store.FindAsync("r.example", "", Cancellation));
    }

    [Fact]
    public async Task Store_Hub_UsesDockersServerAndLeavesMarker()
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", """{"credsStore":"fake","auths":{"index.docker.io":{"auth":"dTpw","email":"e"}}}""");

        await _home.Credentials().StoreAsync("docker.io", new Credential { Username = "u", Password = "p" }, Cancellation);

        Assert.Contains("\"ServerURL\":\"https://index.docker.io/v1/\"", _home.ReadKeychain(), StringComparison.Ordinal);
        Assert.Equal("{\n\t\"credsStore\": \"fake\",\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {}\n\t}\n}\n", ConfigurationDirectory.Read(_home.DockerConfig));
    }

    [Fact]
    public async Task Store_HubPartsBesideHub_KeepsThemApart()
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", """{"credsStore":"fake"}""");
        CredentialStore store = _home.Credentials();

        await store.StoreAsync("docker.io", new Credential { Username = "all", Password = "p" }, Cancellation);
        await store.StoreAsync("docker.io/team", new Credential { Username = "team", Password = "p" }, Cancellation);

        Assert.Equal("team", (await store.FindAsync("docker.io", "team/app", Cancellation))?.Username);
        Assert.Equal("all", (await store.FindAsync("docker.io", "library/debian", Cancellation))?.Username);
    }

    [Fact]
    public async Task Find_HubKnownToHelperAsPodmanWritesIt_IsFound()
    {
        _home.AddHelper("fake");
        _home.Write("bin/keychain/docker.io", """{"Username":"u","Secret":"p"}""");
        _home.Write("docker/config.json", """{"credsStore":"fake"}""");

        Assert.Equal("u", (await _home.Credentials().FindAsync("docker.io", "library/debian", Cancellation))?.Username);
    }

    [Fact]
    public async Task Find_GeneralHelperHasNone_TakesTheEntry()
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", """{"credsStore":"fake","auths":{"r.example":{"auth":"dTpw"}}}""");

        Assert.Equal("u", (await _home.Credentials().FindAsync("r.example", "app", Cancellation))?.Username);
    }

    [Fact]
    public async Task Find_OwnHelperHasNone_DoesNotTakeTheEntry()
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", """{"credHelpers":{"r.example":"fake"},"auths":{"r.example":{"auth":"dTpw"}}}""");

        Assert.Null(await _home.Credentials().FindAsync("r.example", "app", Cancellation));
    }

    [Fact]
    public async Task Find_EmptyOwnHelper_MeansTheFile()
    {
        _home.Write("docker/config.json", """{"credsStore":"missing","credHelpers":{"r.example":""},"auths":{"r.example":{"auth":"dTpw"}}}""");

        Assert.Null((await _home.Credentials().LookUpAsync("r.example", "app", Cancellation)).Steps.FirstOrDefault(step => step.Place.Program is not null));
    }

    [Fact]
    public async Task Find_MoreSpecificEntry_ComesBeforeTheHelper()
    {
        _home.AddHelper("fake");
        _home.Write("run/containers/auth.json", """{"credHelpers":{"r.example":"fake"},"auths":{"r.example/team":{"auth":"dTpw"}}}""");

        Assert.Equal("u", (await _home.Credentials().FindAsync("r.example", "team/app", Cancellation))?.Username);
        Assert.False(File.Exists(_home.At("bin/calls")));
    }

    [Fact]
    public async Task Erase_Helper_Forgets()
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", """{"credsStore":"fake"}""");
        CredentialStore store = _home.Credentials();
        await store.StoreAsync("docker.io", new Credential { Username = "u", Password = "p" }, Cancellation);

        var erased = await store.EraseAsync("https://index.docker.io/v1/", Cancellation);

        Assert.Equal([new CredentialPlace(_home.DockerConfig, "docker-credential-fake")], erased);
        Assert.Equal("", _home.ReadKeychain());
        Assert.Null(await store.FindAsync("docker.io", "", Cancellation));
        Assert.Empty(await store.EraseAsync("docker.io", Cancellation));
    }

    [Fact]
    public async Task List_HelperAndFile_TellsAccounts()
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", """{"credsStore":"fake","credHelpers":{"plain.example":""},"auths":{"plain.example":{"auth":"cGxhaW46cA=="}}}""");
        CredentialStore store = _home.Credentials();
        await store.StoreAsync("docker.io", new Credential { Username = "hub", Password = "p" }, Cancellation);
        await store.StoreAsync("r.example", new Credential { IdentityToken = "it" }, Cancellation);

        var accounts = await store.ListAsync(Cancellation);

        var helper = new CredentialPlace(_home.DockerConfig, "docker-credential-fake");
        Assert.Equal(
            [new("docker.io", "hub", helper), new("r.example", "", helper), new("plain.example", "plain", new(_home.DockerConfig, null))],
            accounts);
    }

    [Fact]
    public async Task List_EmptyKeychain_IsEmpty()
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", """{"credsStore":"fake"}""");

        Assert.Empty(await _home.Credentials().ListAsync(Cancellation));
    }

    [Theory]
    [InlineData("missing", ErrorKind.NotFound, "docker-credential-missing: no such program in PATH; install it, or remove it from the credential configuration")]
    [InlineData("../../bin/sh", ErrorKind.InvalidArgument, "\"../../bin/sh\" is not the name of a credential helper")]
    [InlineData("garbage", ErrorKind.Failed, "docker-credential-garbage get: the answer is not a JSON object")]
    [InlineData("number", ErrorKind.Failed, "docker-credential-number: Secret in the answer is not a string")]
    [InlineData("deaf", ErrorKind.Failed, "docker-credential-deaf get r.example: the keychain is locked")]
    [InlineData("stderr", ErrorKind.Failed, "docker-credential-stderr get r.example: no session bus")]
    [InlineData("silent", ErrorKind.Failed, "docker-credential-silent get r.example: exit code 4")]
    [InlineData("broken", ErrorKind.Failed, "docker-credential-broken get r.example: exit code 1")]
    [InlineData("noisy", ErrorKind.Failed, "docker-credential-noisy get: wrote more than 1048576 characters")]
    public async Task Find_HelperFails_NamesHelperAndProblem(string name, ErrorKind kind, string message)
    {
        if (name is not ("missing" or "../../bin/sh"))
        {
            _home.AddHelper(name);
        }

        _home.Write("docker/config.json", $$"""{"credsStore":"{{name}}"}""");

        var error = await Assert.ThrowsAsync<MicaException>(() => _home.Credentials().FindAsync("r.example", "app", Cancellation).AsTask());

        Assert.Equal(message, error.Message);
        Assert.Equal(kind, error.Kind);
        Assert.DoesNotContain("p4ssw0rd", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("leak", "docker-credential-leak store r.example: cannot keep ***")]
    [InlineData("broken", "docker-credential-broken store r.example: exit code 1")]
    public async Task Store_HelperRepeatsTheSecret_IsNotShown(string name, string message)
    {
        _home.AddHelper(name);
        _home.Write("docker/config.json", $$"""{"credsStore":"{{name}}"}""");

        var error = await Assert.ThrowsAsync<MicaException>(
            () => _home.Credentials().StoreAsync("r.example", new Credential { Username = "u", Password = "p4ssw0rd" }, Cancellation));

        Assert.Equal(message, error.Message);
        Assert.DoesNotContain("p4ssw0rd", error.ToString(), StringComparison.Ordinal);
        Assert.Equal($$"""{"credsStore":"{{name}}"}""", ConfigurationDirectory.Read(_home.DockerConfig));
    }

    [Fact]
    public async Task Store_RegistryTokenInHelper_IsUnsupported()
    {
        _home.Write("docker/config.json", """{"credsStore":"fake"}""");

        var error = await Assert.ThrowsAsync<MicaException>(
            () => _home.Credentials().StoreAsync("r.example", new Credential { RegistryToken = "rt" }, Cancellation));

        Assert.Equal(ErrorKind.Unsupported, error.Kind);
    }

    [Fact]
    public async Task Find_HelperHangs_EndsAtTheTimeout()
    {
        _home.AddHelper("hang");
        _home.Write("docker/config.json", """{"credsStore":"hang"}""");
        CredentialStore store = _home.Credentials(_home.Locations with { ProgramTimeout = TimeSpan.FromMilliseconds(300) });

        var error = await Assert.ThrowsAsync<MicaException>(() => store.FindAsync("r.example", "", Cancellation).AsTask());

        Assert.Equal("docker-credential-hang get: no answer within 0.3 s", error.Message);
        Assert.Equal(ErrorKind.Unavailable, error.Kind);
    }

    [Fact]
    public async Task Find_Cancelled_StopsTheHelper()
    {
        _home.AddHelper("hang");
        _home.Write("docker/config.json", """{"credsStore":"hang"}""");
        using var cancelled = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _home.Credentials().FindAsync("r.example", "", cancelled.Token).AsTask());
    }

    [Fact]
    public async Task Find_HelperLeavesADaemonWithItsOutput_DoesNotWaitForIt()
    {
        _home.AddHelper("daemon");
        _home.Write("bin/keychain/r.example", """{"Username":"u","Secret":"p"}""");
        _home.Write("docker/config.json", """{"credsStore":"daemon"}""");
        CredentialStore store = _home.Credentials(_home.Locations with { ProgramTimeout = TimeSpan.FromSeconds(10) });

        Assert.Equal("u", (await store.FindAsync("r.example", "", Cancellation))?.Username);
    }

    [Fact]
    public async Task Find_RelativeDirectoryInPath_IsNotSearched()
    {
        _home.AddHelper("fake");
        _home.Write("docker/config.json", """{"credsStore":"fake"}""");
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, _home.At("bin"));
        CredentialStore store = _home.Credentials(_home.Locations with { ProgramDirectories = ["", ".", relative] });

        await Assert.ThrowsAsync<MicaException>(() => store.FindAsync("r.example", "", Cancellation).AsTask());
    }
}
