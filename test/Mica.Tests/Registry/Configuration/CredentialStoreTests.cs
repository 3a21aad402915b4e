using CsCheck;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry.Configuration;

public sealed class CredentialStoreTests : IDisposable
{
    private readonly ConfigurationDirectory _home = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static Credential Secret { get; } = new() { Username = "u", Password = "p" };

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task Store_NoFiles_MakesDockersFilePrivate()
    {
        CredentialPlace place = await _home.Credentials().StoreAsync("r.example", Secret, Cancellation);

        Assert.Equal(new CredentialPlace(_home.DockerConfig, null), place);
        Assert.Equal("{\n\t\"auths\": {\n\t\t\"r.example\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}\n", ConfigurationDirectory.Read(_home.DockerConfig));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_home.DockerConfig));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_home.At("docker")));
        Assert.Equal(["config.json", "config.json.lock"], Directory.GetFiles(_home.At("docker")).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData("docker.io", "https://index.docker.io/v1/")]
    [InlineData("index.docker.io", "https://index.docker.io/v1/")]
    [InlineData("https://r.example/v2/", "r.example")]
    [InlineData("r.example/team", "r.example/team")]
    [InlineData("[::1]:5000", "[::1]:5000")]
    public async Task Store_AnySpelling_WritesDockersKey(string registry, string key)
    {
        await _home.Credentials().StoreAsync(registry, Secret, Cancellation);

        Assert.Contains($"\"{key}\": {{", ConfigurationDirectory.Read(_home.DockerConfig), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Store_IdentityToken_IsWrittenAsDockerDoes()
    {
        await _home.Credentials().StoreAsync("r.example", new Credential { Username = "u", IdentityToken = "it" }, Cancellation);

        Assert.Contains("{\n\t\t\t\"auth\": \"dTo=\",\n\t\t\t\"identitytoken\": \"it\"\n\t\t}", ConfigurationDirectory.Read(_home.DockerConfig), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Store_OtherMembers_StayAsTheyAre()
    {
        _home.Write("docker/config.json", """
            {
            	"HttpHeaders": {
            		"User-Agent": "Docker-Client/19.03 (linux) +é"
            	},
            	"auths": {
            		"a.example": {
            			"auth": "YTphYQ==",
            			"note": [1, 2.50, 1e400, -0, 12345678901234567890]
            		},
            		"r.example": {
            			"auth": "b2xkOm9sZA==",
            			"identitytoken": "old",
            			"email": "e@x",
            			"custom": {"deep": null}
            		},
            		"z.example": {}
            	},
            	"psFormat": "table {{.ID}}\t<&>'",
            	"proxies": {}
            }
            """);

        await _home.Credentials().StoreAsync("r.example", Secret, Cancellation);

        Assert.Equal("""
            {
            	"HttpHeaders": {
            		"User-Agent": "Docker-Client/19.03 (linux) +é"
            	},
            	"auths": {
            		"a.example": {
            			"auth": "YTphYQ==",
            			"note": [
            				1,
            				2.50,
            				1e400,
            				-0,
            				12345678901234567890
            			]
            		},
            		"r.example": {
            			"email": "e@x",
            			"custom": {
            				"deep": null
            			},
            			"auth": "dTpw"
            		},
            		"z.example": {}
            	},
            	"psFormat": "table {{.ID}}\t<&>'",
            	"proxies": {}
            }

            """, ConfigurationDirectory.Read(_home.DockerConfig));
    }

    [Fact]
    public async Task Store_FileOfAnotherTool_ReplacesItsSpelling()
    {
        _home.Write("docker/config.json", ConfigurationDirectory.Auths(("https://r.example/v1/", "old"), ("http://r.example", "older")));
        CredentialStore store = _home.Credentials();

        await store.StoreAsync("r.example", Secret, Cancellation);

        Assert.Equal("u", (await store.FindAsync("r.example", "", Cancellation))?.Username);
        Assert.DoesNotContain("https://", ConfigurationDirectory.Read(_home.DockerConfig), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Store_EarlierFileHasTheRegistry_GoesThere()
    {
        _home.Write("run/containers/auth.json", ConfigurationDirectory.Auths(("docker.io", "old")));
        CredentialStore store = _home.Credentials();

        CredentialPlace place = await store.StoreAsync("docker.io", Secret, Cancellation);

        Assert.Equal(_home.AuthFile, place.File);
        Assert.Contains("\"docker.io\"", ConfigurationDirectory.Read(_home.AuthFile), StringComparison.Ordinal);
        Assert.Equal("u", (await store.FindAsync("docker.io", "library/debian", Cancellation))?.Username);
        Assert.False(File.Exists(_home.DockerConfig));
    }

    [Fact]
    public async Task Store_ExplicitFile_GoesThereWhateverElseThereIs()
    {
        _home.Write("docker/config.json", ConfigurationDirectory.Auths(("r.example", "old")));
        CredentialStore store = _home.Credentials(_home.Locations with { ExplicitFile = _home.At("new/auth.json") });

        await store.StoreAsync("r.example", Secret, Cancellation);

        Assert.Equal(_home.At("new/auth.json"), (await store.FindAsync("r.example", "", Cancellation))?.Origin);
    }

    [Fact]
    public async Task Store_VariableHasTheRegistry_IsNoticed()
    {
        CredentialStore store = _home.Credentials(_home.Locations with { DockerAuthConfig = ConfigurationDirectory.Auths(("r.example", "old")) });

        await store.StoreAsync("r.example", Secret, Cancellation);

        Assert.Equal(["DOCKER_AUTH_CONFIG has a credential for r.example too, which is not changed"], _home.Notices);
    }

    [Fact]
    public async Task Store_NowhereToKeep_SaysSo()
    {
        var error = await Assert.ThrowsAsync<MicaException>(
            () => _home.Credentials(new CredentialLocations()).StoreAsync("r.example", Secret, Cancellation));

        Assert.StartsWith("nowhere to keep the credential for r.example", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Store_WorldReadableFile_BecomesPrivate()
    {
        string path = _home.Write("docker/config.json", "{}");
        File.SetUnixFileMode(path, (UnixFileMode)0b110_100_100);

        await _home.Credentials().StoreAsync("r.example", Secret, Cancellation);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public async Task Store_SymbolicLink_ChangesItsTarget()
    {
        string target = _home.Write("dotfiles/docker.json", """{"psFormat":"x"}""");
        Directory.CreateDirectory(_home.At("docker"));
        File.CreateSymbolicLink(_home.DockerConfig, "../dotfiles/docker.json");

        await _home.Credentials().StoreAsync("r.example", Secret, Cancellation);

        Assert.Equal("../dotfiles/docker.json", new FileInfo(_home.DockerConfig).LinkTarget);
        Assert.Contains("\"psFormat\": \"x\"", ConfigurationDirectory.Read(target), StringComparison.Ordinal);
        Assert.Contains("dTpw", ConfigurationDirectory.Read(target), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Store_DanglingLink_MakesItsTarget()
    {
        Directory.CreateDirectory(_home.At("docker"));
        File.CreateSymbolicLink(_home.DockerConfig, _home.At("dotfiles/docker.json"));

        await _home.Credentials().StoreAsync("r.example", Secret, Cancellation);

        Assert.Contains("dTpw", ConfigurationDirectory.Read(_home.At("dotfiles/docker.json")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Store_LeftoverOfACrashIsALink_DoesNotFollowIt()
    {
        string victim = _home.Write("victim", "untouched");
        Directory.CreateDirectory(_home.At("docker"));
        File.CreateSymbolicLink(_home.DockerConfig + ".new", victim);

        await _home.Credentials().StoreAsync("r.example", Secret, Cancellation);

        Assert.Equal("untouched", ConfigurationDirectory.Read(victim));
        Assert.False(File.Exists(_home.DockerConfig + ".new"));
        Assert.Null(new FileInfo(_home.DockerConfig).LinkTarget);
    }

    [Theory]
    [InlineData("{\"auths\":")]
    [InlineData("""{"psFormat":"\ud800"}""")]
    public async Task Store_MalformedFile_IsLeftAlone(string content)
    {
        _home.Write("docker/config.json", content);

        await Assert.ThrowsAsync<MicaException>(() => _home.Credentials().StoreAsync("r.example", Secret, Cancellation));

        Assert.Equal(content, ConfigurationDirectory.Read(_home.DockerConfig));
        Assert.False(File.Exists(_home.DockerConfig + ".new"));
    }

    [Fact]
    public async Task Find_MemberNameThatIsNoText_IsRefused()
    {
        _home.Write("docker/config.json", "");
        await File.WriteAllBytesAsync(_home.DockerConfig, [.. "{\"auths\":{\"r.example\":{\""u8, 0xff, .. "\":1}}}"u8], Cancellation);

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await _home.Credentials().FindAsync("r.example", "a", Cancellation));

        Assert.Equal($"{_home.DockerConfig}: malformed JSON: a name that is not Unicode text", error.Message);
    }

    [Fact]
    public async Task Store_AnotherWriterHoldsTheLock_GivesUp()
    {
        Directory.CreateDirectory(_home.At("docker"));
        await using var held = new FileStream(_home.DockerConfig + ".lock", FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        CredentialStore store = _home.Credentials(_home.Locations with { LockTimeout = TimeSpan.FromMilliseconds(100) });

        var error = await Assert.ThrowsAsync<MicaException>(() => store.StoreAsync("r.example", Secret, Cancellation));

        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.Equal($"{_home.DockerConfig}: another login is writing it", error.Message);
    }

    [Fact]
    public async Task Store_ManyAtOnce_LosesNone()
    {
        string[] registries = [.. Enumerable.Range(0, 24).Select(number => $"r{number}.example")];

        await Task.WhenAll(registries.Select(registry => Task.Run(
            () => _home.Credentials().StoreAsync(registry, Secret with { Username = registry }, Cancellation))));

        var accounts = await _home.Credentials().ListAsync(Cancellation);
        Assert.Equal(registries.Order(), accounts.Select(account => account.Username).Order());
    }

    [Fact]
    public async Task Store_WhileOthersRead_ReadersSeeWholeFiles()
    {
        CredentialStore store = _home.Credentials();
        await store.StoreAsync("r.example", Secret, Cancellation);

        Task writing = Task.Run(async () =>
        {
            for (int i = 0; i < 50; i++)
            {
                await store.StoreAsync($"r{i}.example", Secret, Cancellation);
            }
        }, Cancellation);
        while (!writing.IsCompleted)
        {
            Assert.Equal("u", (await store.FindAsync("r.example", "", Cancellation))?.Username);
        }

        await writing;
    }

    [Theory]
    [InlineData("a:b", "p")]
    [InlineData("a\0", "p")]
    [InlineData("a", "p\0")]
    public async Task Store_WhatCannotBeEncoded_Throws(string username, string password)
    {
        var credential = new Credential { Username = username, Password = password };

        var error = await Assert.ThrowsAsync<MicaException>(() => _home.Credentials().StoreAsync("r.example", credential, Cancellation));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
    }

    [Fact]
    public async Task Store_NoSecret_Throws() => await Assert.ThrowsAsync<MicaException>(
        () => _home.Credentials().StoreAsync("r.example", new Credential { Username = "u" }, Cancellation));

    [Fact]
    public async Task StoreThenFind_AnyCredential_IsTheSame()
    {
        Gen<string> text = Gen.Char.Where(c => c != '\0' && !char.IsSurrogate(c)).Array[1, 20].Select(chars => new string(chars));
        Gen<string> name = text.Where(username => !username.Contains(':', StringComparison.Ordinal));
        Gen<Credential> credentials = Gen.OneOf(
            Gen.Select(name, text, (username, password) => new Credential { Username = username, Password = password }),
            Gen.Select(name, text, (username, token) => new Credential { Username = username, IdentityToken = token }),
            text.Select(token => new Credential { IdentityToken = token }),
            text.Select(token => new Credential { RegistryToken = token }));
        string[] names = ["docker.io", "r.example", "127.0.0.1:5000", "r.example/a/b", "docker.io/library", "[::1]:80"];
        Gen<string> registries = Gen.Int[0, names.Length - 1].Select(index => names[index]);
        CredentialStore store = _home.Credentials();

        await Gen.Select(registries, credentials).SampleAsync(async (registry, credential) =>
        {
            await store.StoreAsync(registry, credential, Cancellation);
            int slash = registry.IndexOf('/', StringComparison.Ordinal);
            (string host, string path) = slash < 0 ? (registry, "") : (registry[..slash], registry[(slash + 1)..]);
            return await store.FindAsync(host, path, Cancellation) == credential with { Origin = _home.DockerConfig };
        }, iter: 100, threads: 1);
    }

    [Fact]
    public async Task Erase_SeveralFiles_RemovesEverySpelling()
    {
        _home.Write("run/containers/auth.json", ConfigurationDirectory.Auths(("docker.io", "a"), ("docker.io/team", "team")));
        _home.Write("docker/config.json", ConfigurationDirectory.Auths(
            ("https://index.docker.io/v1/", "b"), ("index.docker.io", "c"), ("r.example", "d")));
        CredentialStore store = _home.Credentials();

        var erased = await store.EraseAsync("docker.io", Cancellation);

        Assert.Equal([new CredentialPlace(_home.AuthFile, null), new CredentialPlace(_home.DockerConfig, null)], erased);
        Assert.Equal(["docker.io/team", "r.example"], (await store.ListAsync(Cancellation)).Select(account => account.Registry));
    }

    [Fact]
    public async Task Erase_NothingThere_ChangesNothing()
    {
        string content = ConfigurationDirectory.Auths(("r.example", "d"));
        _home.Write("docker/config.json", content);

        Assert.Empty(await _home.Credentials().EraseAsync("quay.io", Cancellation));
        Assert.Equal(content, ConfigurationDirectory.Read(_home.DockerConfig));
    }

    [Fact]
    public async Task Erase_MarkerOnly_RemovesItAndWasNotLoggedIn()
    {
        _home.Write("docker/config.json", """{"auths":{"r.example":{}}}""");

        Assert.Empty(await _home.Credentials().EraseAsync("r.example", Cancellation));
        Assert.Equal("{\n\t\"auths\": {}\n}\n", ConfigurationDirectory.Read(_home.DockerConfig));
    }

    [Fact]
    public async Task Erase_ReadOnlyDirectory_NamesTheFile()
    {
        Assert.SkipUnless(Environment.UserName != "root", "root may write everywhere");
        _home.Write("docker/config.json", ConfigurationDirectory.Auths(("r.example", "d")));
        File.SetUnixFileMode(_home.At("docker"), UnixFileMode.UserRead | UnixFileMode.UserExecute);

        var error = await Assert.ThrowsAsync<MicaException>(() => _home.Credentials().EraseAsync("r.example", Cancellation));

        Assert.Equal($"{_home.DockerConfig}: permission denied", error.Message);
        File.SetUnixFileMode(_home.At("docker"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
