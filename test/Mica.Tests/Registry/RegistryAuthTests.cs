using System.Text;
using Mica.Oci;
using Mica.Registry;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

public sealed class RegistryAuthTests : IAsyncLifetime
{
    private static readonly Credential s_alice = new() { Username = "alice", Password = "s3cret", Origin = "config.json" };

    private readonly RegistryFixture _fixture = new();
    private readonly FakeTimeProvider _clock = new();
    private readonly SampleImage _image = SampleImage.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private TestRegistry Registry => _fixture.Registry;

    public async ValueTask InitializeAsync()
    {
        await _fixture.InitializeAsync();
        Registry.Add("library/sample", _image, "1.0");
    }

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    [Fact]
    public async Task Basic_WithCredential_IsSentAfterTheChallengeAndThenAtOnce()
    {
        Registry.Auth = new TestAuth { Basic = true, Allows = (user, _, _) => user == "alice" };
        RegistryRepository repository = RepositoryAs(s_alice);

        Assert.NotNull(await repository.ResolveAsync("1.0", Cancellation));
        Assert.NotNull(await repository.ResolveAsync("1.0", Cancellation));

        string expected = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("alice:s3cret"));
        Assert.Equal([null, expected, expected], Registry.Requests.Select(request => request.Authorization));
    }

    [Fact]
    public async Task Basic_WrongPassword_SaysWhichCredential()
    {
        Registry.Auth = new TestAuth { Basic = true };

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await RepositoryAs(s_alice with { Password = "wrong" }).ResolveAsync("1.0", Cancellation));

        Assert.Equal(ErrorKind.Unauthenticated, error.Kind);
        Assert.Equal($"{Registry.Host}/library/sample:1.0: unauthorized: authentication required (with the password of alice from config.json)", error.Message);
    }

    [Fact]
    public async Task Basic_NoCredential_SaysSo()
    {
        Registry.Auth = new TestAuth { Basic = true };

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () => await _fixture.Repository().ResolveAsync("1.0", Cancellation));

        Assert.Equal($"{Registry.Host}/library/sample:1.0: unauthorized: authentication required (no credentials for {Registry.Host} are stored)", error.Message);
    }

    [Fact]
    public async Task Bearer_Anonymous_GetsATokenOnceForEverything()
    {
        Registry.Auth = new TestAuth { Allows = (_, _, action) => action == "pull" };
        RegistryRepository repository = _fixture.Repository();

        await repository.ResolveAsync("1.0", Cancellation);
        await repository.ReadAllAsync(_image.Layers[0]);
        await repository.ReadAllAsync(_image.Layers[1]);

        SeenRequest token = Assert.Single(Registry.Seen("GET", "/token"));
        Assert.Null(token.Authorization);
        Assert.Equal("?service=test&scope=repository%3Alibrary%2Fsample%3Apull", token.Query);
        Assert.Equal(5, Registry.Requests.Count);
    }

    [Fact]
    public async Task Bearer_WithPassword_GoesToTheTokenServerAlone()
    {
        Registry.Auth = new TestAuth { Allows = (user, _, _) => user == "alice" };

        Assert.NotNull(await RepositoryAs(s_alice).ResolveAsync("1.0", Cancellation));

        SeenRequest token = Assert.Single(Registry.Seen("GET", "/token"));
        Assert.StartsWith("Basic ", token.Authorization, StringComparison.Ordinal);
        Assert.Contains("account=alice", token.Query, StringComparison.Ordinal);
        Assert.All(Registry.Seen("HEAD"), request => Assert.False(request.Authorization?.StartsWith("Basic", StringComparison.Ordinal) ?? false));
    }

    [Fact]
    public async Task Bearer_WrongPassword_SaysWhatTheTokenServerSaid()
    {
        Registry.Auth = new TestAuth();

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await RepositoryAs(s_alice with { Password = "wrong" }).ResolveAsync("1.0", Cancellation));

        Assert.Equal(ErrorKind.Unauthenticated, error.Kind);
        Assert.Equal(
            $"{Registry.Host}/library/sample:1.0: unauthorized: incorrect username or password (with the password of alice from config.json)", error.Message);
    }

    [Fact]
    public async Task Bearer_IdentityToken_IsPosted()
    {
        Registry.Auth = new TestAuth { Allows = (user, _, _) => user == "alice" };
        Registry.Auth.RefreshTokens["r3fresh"] = "alice";

        Assert.NotNull(await RepositoryAs(new Credential { IdentityToken = "r3fresh" }).ResolveAsync("1.0", Cancellation));

        Assert.Single(Registry.Seen("POST", "/token"));
        Assert.DoesNotContain(Registry.Requests, request => request.ToString().Contains("r3fresh", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bearer_TokenServerTakesNoGet_PostsThePassword()
    {
        Registry.Auth = new TestAuth { TokensByGet = false, Allows = (user, _, _) => user == "alice" };

        Assert.NotNull(await RepositoryAs(s_alice).ResolveAsync("1.0", Cancellation));
    }

    [Fact]
    public async Task Bearer_RegistryToken_IsSentAsItIs()
    {
        Registry.Auth = new TestAuth();

        await Assert.ThrowsAsync<RegistryException>(
            async () => await RepositoryAs(new Credential { RegistryToken = "given" }).ResolveAsync("1.0", Cancellation));

        Assert.Contains("Bearer given", Registry.Requests.Select(request => request.Authorization));
        Assert.Empty(Registry.Seen("GET", "/token"));
    }

    [Fact]
    public async Task Bearer_Expired_IsRenewedBeforeItIsRefused()
    {
        Registry.Auth = new TestAuth { Time = _clock, Lifetime = TimeSpan.FromMinutes(5) };
        RegistryRepository repository = _fixture.Repository(_fixture.Options with { Time = _clock });

        await repository.ResolveAsync("1.0", Cancellation);
        _clock.Advance(TimeSpan.FromMinutes(4.9));
        await repository.ResolveAsync("1.0", Cancellation);

        Assert.Equal(2, Registry.Seen("GET", "/token").Length);
        Assert.Equal(3, Registry.Seen("HEAD").Length);
    }

    [Fact]
    public async Task Bearer_LifetimeIsNotSaid_IsAMinute()
    {
        Registry.Auth = new TestAuth { Time = _clock, SaysLifetime = false };
        RegistryRepository repository = _fixture.Repository(_fixture.Options with { Time = _clock });

        await repository.ResolveAsync("1.0", Cancellation);
        _clock.Advance(TimeSpan.FromSeconds(45));
        await repository.ResolveAsync("1.0", Cancellation);
        _clock.Advance(TimeSpan.FromSeconds(10));
        await repository.ResolveAsync("1.0", Cancellation);

        Assert.Equal(2, Registry.Seen("GET", "/token").Length);
    }

    [Fact]
    public async Task Bearer_Revoked_IsRenewedOnce()
    {
        Registry.Auth = new TestAuth();
        RegistryRepository repository = _fixture.Repository();

        await repository.ResolveAsync("1.0", Cancellation);
        Registry.Auth.Revoke();
        Assert.NotNull(await repository.ResolveAsync("1.0", Cancellation));

        Assert.Equal(2, Registry.Seen("GET", "/token").Length);
    }

    [Fact]
    public async Task Bearer_NeverEnough_EndsAfterOneMore()
    {
        Registry.Auth = new TestAuth { Allows = (_, _, _) => false };

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () => await _fixture.Repository().FetchManifestAsync("1.0", Cancellation));

        Assert.Equal(ErrorKind.PermissionDenied, error.Kind);
        Assert.StartsWith($"pull access denied for {Registry.Host}/library/sample, repository does not exist or may require 'mica login': "
            + "denied: requested access to the resource is denied", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, Registry.Requests.Count);
    }

    [Fact]
    public async Task Bearer_ManyAtOnce_ShareOneToken()
    {
        Registry.Auth = new TestAuth();
        RegistryRepository repository = _fixture.Repository();

        await repository.ResolveAsync("1.0", Cancellation);
        Registry.Auth.Revoke();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ => await repository.ReadAllAsync(_image.Layers[1])));

        Assert.Equal(2, Registry.Seen("GET", "/token").Length);
    }

    [Fact]
    public async Task Bearer_Push_AsksForBothAndReusesItForPull()
    {
        Registry.Auth = new TestAuth { Allows = (user, _, _) => user == "alice" };
        RegistryRepository repository = RepositoryAs(s_alice, "new/image");

        await _image.WriteToAsync(repository, "2.0", Cancellation);
        Assert.NotNull(await repository.ResolveAsync("2.0", Cancellation));

        Assert.Contains("repository%3Anew%2Fimage%3Apull%2Cpush", Assert.Single(Registry.Seen("GET", "/token")).Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bearer_Mount_AsksForTheSourceToo()
    {
        Registry.Auth = new TestAuth { Allows = (user, _, _) => user == "alice" };
        RegistryRepository repository = RepositoryAs(s_alice, "new/image");

        Assert.True(await repository.TryMountAsync(_image.Layers[1], "library/sample", Cancellation));

        Assert.Contains("scope=repository%3Alibrary%2Fsample%3Apull&scope=repository%3Anew%2Fimage%3Apull%2Cpush",
            Assert.Single(Registry.Seen("GET", "/token")).Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bearer_MountSourceIsNotReadable_IsFalse()
    {
        Registry.Auth = new TestAuth { Allows = (user, name, _) => name == "new/image" };

        Assert.False(await RepositoryAs(s_alice, "new/image").TryMountAsync(_image.Layers[1], "library/sample", Cancellation));
    }

    [Theory]
    [InlineData("not an address")]
    [InlineData("ftp://auth.test/token")]
    [InlineData("https://alice:x@auth.test/token")]
    public async Task Bearer_RealmIsNoAddress_Fails(string realm)
    {
        Registry.Auth = new TestAuth { Realm = realm };

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () => await RepositoryAs(s_alice).ResolveAsync("1.0", Cancellation));

        Assert.Contains("token server without a valid address", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bearer_TokenServerFailsForAWhile_IsAskedAgain()
    {
        Registry.Auth = new TestAuth();
        Registry.Answer("GET", "/token", times: 2, status: 503);

        Assert.NotNull(await _fixture.Repository().ResolveAsync("1.0", Cancellation));

        Assert.Equal(2, _fixture.Time.Delays.Count);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("nonsense")]
    [InlineData("""{"token":"a b"}""")]
    [InlineData("""{"token":5}""")]
    public async Task Bearer_TokenIsNone_Fails(string body)
    {
        Registry.Auth = new TestAuth();
        Registry.Answer("GET", "/token", times: 1, status: 200, body);

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () => await _fixture.Repository().ResolveAsync("1.0", Cancellation));

        Assert.Contains("gave no token", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Challenge_OfAnUnknownScheme_IsAnError()
    {
        Registry.Auth = new TestAuth { Challenge = "Negotiate" };

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () => await RepositoryAs(s_alice).ResolveAsync("1.0", Cancellation));

        Assert.Equal(ErrorKind.Unauthenticated, error.Kind);
    }

    [Fact]
    public async Task Helper_IsAskedOnce()
    {
        Registry.Auth = new TestAuth();
        var source = new FixedCredential(s_alice);
        RegistryRepository repository = _fixture.Repository(_fixture.Options with { Credentials = source });

        await repository.ResolveAsync("1.0", Cancellation);
        await repository.ReadAllAsync(_image.Layers[1]);

        Assert.Equal(1, source.Asked);
    }

    [Fact]
    public async Task Login_Basic_IsProved()
    {
        Registry.Auth = new TestAuth { Basic = true };

        Assert.Equal(s_alice, await _fixture.Client().CheckLoginAsync(Registry.Host, s_alice, Cancellation));
        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            () => _fixture.Client().CheckLoginAsync(Registry.Host, s_alice with { Password = "wrong" }, Cancellation));

        Assert.Equal(ErrorKind.Unauthenticated, error.Kind);
        Assert.StartsWith($"{Registry.Host}: unauthorized: authentication required", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_Token_KeepsARefreshTokenInPlaceOfThePassword()
    {
        Registry.Auth = new TestAuth { IssuesRefreshTokens = true };

        Credential kept = await _fixture.Client().CheckLoginAsync(Registry.Host, s_alice, Cancellation);

        Assert.Equal("refresh-alice", kept.IdentityToken);
        Assert.Null(kept.Password);
    }

    [Fact]
    public async Task Login_WrongPassword_SaysWhatTheTokenServerSaid()
    {
        Registry.Auth = new TestAuth();

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            () => _fixture.Client().CheckLoginAsync(Registry.Host, s_alice with { Password = "wrong" }, Cancellation));

        Assert.StartsWith($"{Registry.Host}: unauthorized: incorrect username or password", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_NoRegistry_SaysSo()
    {
        Registry.Answer("GET", "/v2/", times: 9, status: 404);

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            () => _fixture.Client().CheckLoginAsync(Registry.Host, s_alice, Cancellation));

        Assert.Equal($"{Registry.Host}: this is not a registry (no /v2/)", error.Message);
    }

    private RegistryRepository RepositoryAs(Credential credential, string path = "library/sample") =>
        _fixture.Repository(_fixture.Options with { Credentials = new FixedCredential(credential) }, path);
}
