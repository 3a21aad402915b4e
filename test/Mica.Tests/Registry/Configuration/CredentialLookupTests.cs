using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry.Configuration;

public sealed class CredentialLookupTests : IDisposable
{
    private readonly ConfigurationDirectory _home = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task Find_NoFiles_FindsNothing() => Assert.Null(await FindAsync("ghcr.io"));

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("{}")]
    [InlineData("""{"auths":null,"credHelpers":null,"credsStore":null}""")]
    [InlineData("""{"auths":{}}""")]
    [InlineData("""{"auths":{"ghcr.io":{}}}""")]
    [InlineData("""{"auths":{"ghcr.io":null}}""")]
    [InlineData("""{"auths":{"ghcr.io":{"auth":""}}}""")]
    [InlineData("""{"auths":{"ghcr.io":{"auth":"Og=="}}}""")]
    [InlineData("""{"auths":{"ghcr.io":{"username":"u"}}}""")]
    [InlineData("""{"auths":{"quay.io":{"auth":"dTpw"}}}""")]
    public async Task Find_NothingInTheFile_FindsNothing(string content)
    {
        _home.Write("docker/config.json", content);

        Assert.Null(await FindAsync("ghcr.io"));
    }

    [Theory]
    [InlineData("""{"auth":"dXNlcjpwOncx"}""", "user", "p:w1", null, null)]
    [InlineData("""{"username":"user","password":"pw"}""", "user", "pw", null, null)]
    [InlineData("""{"username":"old","password":"old","auth":"dXNlcjpwOncx"}""", "user", "p:w1", null, null)]
    [InlineData("""{"auth":"dXNlcjpwdwAA"}""", "user", "pw", null, null)]
    [InlineData("""{"auth":"dXNlcjo="}""", "user", "", null, null)]
    [InlineData("""{"auth":"dXNlcjo=","identitytoken":"it"}""", "user", null, "it", null)]
    [InlineData("""{"identitytoken":"it"}""", "", null, "it", null)]
    [InlineData("""{"registrytoken":"rt"}""", "", null, null, "rt")]
    public async Task Find_FormsOfAnEntry_AreRead(string entry, string username, string? password, string? identityToken, string? registryToken)
    {
        _home.Write("docker/config.json", "{\"auths\":{\"ghcr.io\":" + entry + "}}");

        Credential? found = await FindAsync("ghcr.io");

        Assert.Equal(new Credential
        {
            Username = username,
            Password = password,
            IdentityToken = identityToken,
            RegistryToken = registryToken,
            Origin = _home.DockerConfig,
        }, found);
    }

    [Theory]
    [InlineData("https://index.docker.io/v1/")]
    [InlineData("docker.io")]
    [InlineData("index.docker.io")]
    [InlineData("registry-1.docker.io")]
    [InlineData("https://index.docker.io/v2/")]
    [InlineData("docker.io/library")]
    public async Task Find_HubInAnySpelling_IsFound(string key)
    {
        WriteAuths("docker/config.json", (key, "hub"));

        Assert.Equal("hub", (await FindAsync("docker.io", "library/debian"))?.Username);
    }

    [Fact]
    public async Task Find_HubTwice_TakesDockersSpelling()
    {
        WriteAuths("docker/config.json", ("docker.io", "other"), ("https://index.docker.io/v1/", "docker"), ("https://index.docker.io/v1/access-token", "desktop"));

        Assert.Equal("docker", (await FindAsync("docker.io", "library/debian"))?.Username);
    }

    [Theory]
    [InlineData("team/app/image", "image")]
    [InlineData("team/app/other", "app")]
    [InlineData("team/application", "team")]
    [InlineData("elsewhere", "host")]
    [InlineData("", "host")]
    public async Task Find_PathEntries_MostSpecificWins(string path, string expected)
    {
        WriteAuths("run/containers/auth.json",
            ("r.example", "host"), ("r.example/team/app/image", "image"), ("r.example/team", "team"), ("r.example/team/app", "app"));

        Assert.Equal(expected, (await FindAsync("r.example", path))?.Username);
    }

    [Fact]
    public async Task Find_SeveralFiles_FirstThatHasOneWins()
    {
        string named = WriteAuths("named.json", ("a.example", "named"));
        WriteAuths("run/containers/auth.json", ("a.example", "run"), ("b.example", "run"), ("c.example", "run"));
        WriteAuths("config/containers/auth.json", ("c.example", "config"), ("d.example", "config"));
        WriteAuths("docker/config.json", ("d.example", "docker"), ("e.example", "docker"));
        CredentialStore store = _home.Credentials(_home.Locations with
        {
            ExplicitFile = named,
            DockerAuthConfig = ConfigurationDirectory.Auths(("a.example", "variable"), ("b.example", "variable")),
        });

        string[] found = [.. await Task.WhenAll(new[] { "a", "b", "c", "d", "e" }
            .Select(async name => (await store.FindAsync(name + ".example", "x", Cancellation))!.Username))];

        Assert.Equal(["named", "variable", "run", "config", "docker"], found);
    }

    [Fact]
    public async Task LookUp_Found_TellsEveryPlace()
    {
        _home.AddHelper("fake");
        _home.Write("run/containers/auth.json", """{"credHelpers":{"r.example":"fake"}}""");
        WriteAuths("docker/config.json", ("other.example", "x"), ("https://r.example/", "docker"));

        CredentialLookup lookup = await _home.Credentials().LookUpAsync("r.example", "app", Cancellation);

        Assert.Equal("docker", lookup.Credential?.Username);
        Assert.Equal(
        [
            new(new(_home.AuthFile, "docker-credential-fake"), "r.example", CredentialOutcome.Empty),
            new(new(_home.At("config/containers/auth.json"), null), null, CredentialOutcome.NoFile),
            new(new(_home.DockerConfig, null), "https://r.example/", CredentialOutcome.Found),
        ], lookup.Steps);
    }

    [Fact]
    public async Task LookUp_NotFound_TellsEveryPlace()
    {
        WriteAuths("docker/config.json", ("other.example", "x"));

        CredentialLookup lookup = await _home.Credentials(_home.Locations with { RuntimeDirectory = null }).LookUpAsync("r.example", "", Cancellation);

        Assert.Null(lookup.Credential);
        Assert.Equal([CredentialOutcome.NoFile, CredentialOutcome.NoEntry], lookup.Steps.Select(step => step.Outcome));
    }

    [Theory]
    [InlineData("""["auths"]""", "not a JSON object")]
    [InlineData("""{"auths":{"r.example":{"auth":"hunter2""", "malformed JSON at line 1")]
    [InlineData("{\n\"auths\": hunter2}", "malformed JSON at line 2, byte 10")]
    [InlineData("""{"auths":{},"auths":{"r.example":{"auth":"hunter2"}}}""", "malformed JSON")]
    [InlineData("""{"auths":{"r.example":{"auth":"hunter2","auth":"hunter2"}}}""", "malformed JSON")]
    [InlineData("""{"auths":"hunter2"}""", "auths is not an object")]
    [InlineData("""{"auths":{"\ud800":{"auth":"hunter2"}}}""", "malformed JSON: a name that is not Unicode text")]
    [InlineData("""{"auths":{"r.example":{"auth":"\ud800hunter2"}}}""", "auth of \"r.example\" is not Unicode text")]
    [InlineData("""{"credHelpers":["hunter2"]}""", "credHelpers is not an object")]
    [InlineData("""{"credsStore":{"x":"hunter2"}}""", "credsStore is not a string")]
    [InlineData("""{"credHelpers":{"r.example":17}}""", "credHelpers of \"r.example\" is not a string")]
    [InlineData("""{"auths":{"r.example":"hunter2"}}""", "auths entry \"r.example\" is not an object")]
    [InlineData("""{"auths":{"r.example":{"auth":["hunter2"]}}}""", "auth of \"r.example\" is not a string")]
    [InlineData("""{"auths":{"r.example":{"auth":"hunter2"}}}""", "auth of \"r.example\" is not the base64 of username:password")]
    [InlineData("""{"auths":{"r.example":{"auth":"aHVudGVyMg=="}}}""", "auth of \"r.example\" is not the base64 of username:password")]
    public async Task Find_MalformedFile_NamesFileAndProblemWithoutContent(string content, string problem)
    {
        string path = _home.Write("docker/config.json", content);

        var error = await Assert.ThrowsAsync<MicaException>(() => FindAsync("r.example"));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.StartsWith($"{path}: {problem}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("aHVudGVyMg", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_OtherEntryMalformed_DoesNotMatter()
    {
        _home.Write("docker/config.json", """{"auths":{"bad.example":{"auth":17},"r.example":{"auth":"dTpw"}}}""");

        Assert.Equal("u", (await FindAsync("r.example"))?.Username);
    }

    [Fact]
    public async Task Find_ByteOrderMark_IsSkipped()
    {
        _home.Write("docker/config.json", "\uFEFF" + """{"auths":{"r.example":{"auth":"dTpw"}}}""");

        Assert.Equal("u", (await FindAsync("r.example"))?.Username);
    }

    [Fact]
    public async Task Find_VeryLongFile_IsRefused()
    {
        _home.Write("docker/config.json", new string(' ', (4 << 20) + 1));

        var error = await Assert.ThrowsAsync<MicaException>(() => FindAsync("r.example"));

        Assert.Contains("4194304 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_DirectoryInPlaceOfFile_SaysSo()
    {
        Directory.CreateDirectory(_home.DockerConfig);

        var error = await Assert.ThrowsAsync<MicaException>(() => FindAsync("r.example"));

        Assert.Equal($"{_home.DockerConfig}: is a directory, not a file", error.Message);
    }

    [Fact]
    public async Task Find_WorldReadableFileWithSecret_IsNoticedOnce()
    {
        string path = WriteAuths("docker/config.json", ("r.example", "u"));
        File.SetUnixFileMode(path, (UnixFileMode)0b110_100_100);
        CredentialStore store = _home.Credentials();

        await store.FindAsync("r.example", "", Cancellation);
        await store.FindAsync("r.example", "", Cancellation);

        Assert.Equal([$"{path}: every user can read the secrets in it; make it private with chmod 600"], _home.Notices);
    }

    [Fact]
    public async Task Find_WorldReadableFileWithoutSecret_IsFine()
    {
        string path = _home.Write("docker/config.json", """{"auths":{"r.example":{}},"psFormat":"x"}""");
        File.SetUnixFileMode(path, (UnixFileMode)0b110_100_100);

        await FindAsync("r.example");

        Assert.Empty(_home.Notices);
    }

    [Fact]
    public void ToString_OfCredentialAndLookup_ShowsNoSecret()
    {
        var credential = new Credential { Username = "u", Password = "hunter2", Origin = "f" };
        var token = new Credential { IdentityToken = "hunter2", RegistryToken = "hunter2" };

        string shown = $"{credential} {token} {new CredentialLookup(credential, [])} {new CredentialLookup(token, [])}";

        Assert.DoesNotContain("hunter2", shown, StringComparison.Ordinal);
    }

    private async Task<Credential?> FindAsync(string host, string path = "app") =>
        await _home.Credentials().FindAsync(host, path, Cancellation);

    private string WriteAuths(string relative, params (string Key, string Username)[] entries) =>
        _home.Write(relative, ConfigurationDirectory.Auths(entries));
}
