using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mica.RegistryServer.Access;
using Microsoft.IdentityModel.Tokens;
using static Mica.Tests.RegistryServer.Access.AccessFixture;

namespace Mica.Tests.RegistryServer.Access;

public sealed class TokenTests
{
    [Fact]
    public async Task Base_WithoutCredentials_ChallengesWithTheTokenEndpoint()
    {
        await using AccessFixture registry = await StartAsync([Rule("anonymous", "**", Rights.Read)]);

        using HttpResponseMessage response = await registry.SendAsync(HttpMethod.Get, "/v2/");

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal($"Bearer realm=\"{registry.Address}token\",service=\"mica-registry\"", response.Headers.WwwAuthenticate.ToString());
        Assert.Equal("UNAUTHORIZED", (await ReadAsync(response)).GetProperty("errors")[0].GetProperty("code").GetString());
        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", Alice));
        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", await registry.BearerAsync("", null)));
    }

    [Theory]
    [InlineData("GET", "/v2/app/manifests/1", "repository:app:pull")]
    [InlineData("PUT", "/v2/app/manifests/1", "repository:app:pull,push")]
    [InlineData("DELETE", "/v2/app/manifests/1", "repository:app:delete")]
    [InlineData("POST", "/v2/app/blobs/uploads/", "repository:app:pull,push")]
    [InlineData("POST", "/v2/app/blobs/uploads/?mount=x&from=other", "repository:app:pull,push repository:other:pull")]
    [InlineData("GET", "/v2/_catalog", "registry:catalog:*")]
    public async Task Challenge_NamesWhatIsNeeded(string method, string path, string scope)
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All)]);

        using HttpResponseMessage response = await registry.SendAsync(new HttpMethod(method), path);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.EndsWith($",scope=\"{scope}\"", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Challenge_PublicAddress_IsTheRealm()
    {
        await using AccessFixture registry = await StartAsync([], (_, options) => options with { PublicAddress = new Uri("https://registry.example:8443/") });

        using HttpResponseMessage response = await registry.SendAsync(HttpMethod.Get, "/v2/");

        Assert.Equal("Bearer realm=\"https://registry.example:8443/token\",service=\"registry.example:8443\"", response.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task Get_Answer_HasWhatClientsLookFor()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "app", Rights.Read | Rights.Create)]);

        JsonElement answer = await registry.TokenAnswerAsync(
            "service=mica-registry&account=alice&scope=repository:app:pull,push&scope=repository:other:pull%20registry:catalog:*", Alice);

        Assert.Equal(answer.GetProperty("token").GetString(), answer.GetProperty("access_token").GetString());
        Assert.Equal(900, answer.GetProperty("expires_in").GetInt32());
        Assert.True(answer.GetProperty("issued_at").TryGetDateTimeOffset(out _));
        Assert.Equal("repository:app:pull,create registry:catalog:*", answer.GetProperty("scope").GetString());
        Assert.False(answer.TryGetProperty("refresh_token", out _));
    }

    [Theory]
    [InlineData("scope=nonsense")]
    [InlineData("service=other")]
    public async Task Get_Malformed_IsRefused(string query)
    {
        await using AccessFixture registry = await StartAsync([]);

        Assert.Equal(HttpStatusCode.BadRequest, await registry.StatusAsync(HttpMethod.Get, "/token?" + query, Alice));
    }

    [Fact]
    public async Task Get_WrongPassword_IsRefused()
    {
        await using AccessFixture registry = await StartAsync([Rule("anonymous", "**", Rights.Read)]);

        using HttpResponseMessage response = await registry.SendAsync(HttpMethod.Get, "/token", Basic("alice", "wrong"));

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.StartsWith("Basic ", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.StatusAsync(HttpMethod.Get, "/token", await registry.BearerAsync("repository:a:pull", Alice)));
    }

    [Fact]
    public async Task Scope_NarrowerThanRights_LimitsTheToken()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All)]);
        await registry.PushAsync("app", "1", Alice);
        string pull = await registry.BearerAsync("repository:app:pull", Alice);

        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("app", "1", pull));
        using HttpResponseMessage push = await registry.SendAsync(HttpMethod.Post, "/v2/app/blobs/uploads/", pull);
        Assert.Equal(HttpStatusCode.Unauthorized, push.StatusCode);
        Assert.EndsWith("scope=\"repository:app:pull,push\",error=\"insufficient_scope\"", push.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("other", "1", pull));
    }

    [Fact]
    public async Task Scope_WiderThanRights_GivesNoMoreThanRights()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All), Rule("bob", "app", Rights.Read)]);
        await registry.PushAsync("app", "1", Alice);
        string token = await registry.BearerAsync("repository:app:*", Bob);

        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("app", "1", token));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.StatusAsync(HttpMethod.Delete, "/v2/app/manifests/1", token));
    }

    [Fact]
    public async Task Anonymous_Token_ReadsWhatEverybodyMay()
    {
        await using AccessFixture registry = await StartAsync([Rule("anonymous", "open", Rights.Read), Rule("alice", "**", Rights.All)]);
        await registry.PushAsync("open", "1", Alice);
        await registry.PushAsync("closed", "1", Alice);
        string token = await registry.BearerAsync("repository:open:pull,push repository:closed:pull", null);

        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("open", "1", token));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("closed", "1", token));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PushAsync("open", "1", token));
    }

    [Fact]
    public async Task Post_Password_GivesTokensAndRefreshTokenForOffline()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All)]);

        (HttpStatusCode status, JsonElement answer) = await registry.PostTokenAsync(
            ("grant_type", "password"), ("username", "alice"), ("password", Password), ("client_id", "test"), ("access_type", "offline"), ("scope", "repository:app:push"));
        Assert.Equal(HttpStatusCode.OK, status);
        string refresh = answer.GetProperty("refresh_token").GetString()!;

        (status, answer) = await registry.PostTokenAsync(("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", "repository:app:pull,push"));
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", "Bearer " + answer.GetProperty("access_token").GetString()));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", "Bearer " + refresh));
    }

    [Fact]
    public async Task Post_AnythingElse_IsRefused()
    {
        await using AccessFixture registry = await StartAsync([]);

        Assert.Equal(HttpStatusCode.BadRequest, (await registry.PostTokenAsync(("grant_type", "client_credentials"))).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await registry.PostTokenAsync(("grant_type", "password"), ("username", "alice"), ("password", "wrong"))).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await registry.PostTokenAsync(("grant_type", "refresh_token"), ("refresh_token", "eyJ.e30.x"))).Status);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await registry.PostTokenAsync(("grant_type", new string('x', 70_000)))).Status);
        string access = (await registry.TokenAnswerAsync("", Alice)).GetProperty("token").GetString()!;
        Assert.Equal(HttpStatusCode.Unauthorized, (await registry.PostTokenAsync(("grant_type", "refresh_token"), ("refresh_token", access))).Status);
    }

    [Fact]
    public async Task PasswordChanged_TokensAndRefreshTokens_AreGoodNoMore()
    {
        var time = new FakeTimeProvider();
        await using AccessFixture registry = await StartAsync([Rule("*", "**", Rights.All)], (_, options) => options with { Time = time });
        string token = await registry.BearerAsync("repository:app:pull,push", Alice);
        string refresh = (await registry.TokenAnswerAsync("offline_token=true", Alice)).GetProperty("refresh_token").GetString()!;
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", token));

        registry.SetPassword("alice", "another");
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PushAsync("app", "1", token));
        Assert.Equal(HttpStatusCode.Unauthorized, (await registry.PostTokenAsync(("grant_type", "refresh_token"), ("refresh_token", refresh))).Status);
    }

    [Fact]
    public async Task Expired_IsRefused()
    {
        var time = new FakeTimeProvider();
        await using AccessFixture registry = await StartAsync([Rule("*", "**", Rights.All)], (_, options) => options with { Time = time });
        string token = await registry.BearerAsync("repository:app:pull,push", Alice);
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", token));

        time.Advance(TimeSpan.FromMinutes(15) + TimeSpan.FromSeconds(6));

        using HttpResponseMessage response = await registry.SendAsync(HttpMethod.Get, "/v2/app/manifests/1", token);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.EndsWith("error=\"invalid_token\"", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Forged_IsRefused()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All), Rule("bob", "app", Rights.Read)]);
        await registry.PushAsync("app", "1", Alice);
        string[] parts = (await registry.BearerAsync("repository:app:pull", Bob))["Bearer ".Length..].Split('.');
        string payload = Base64UrlEncoder.Decode(parts[1]);
        string Encode(string text) => Base64UrlEncoder.Encode(text);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string Signed(string header, string body, ECDsa key)
        {
            string text = $"{Encode(header)}.{Encode(body)}";
            return $"{text}.{Base64UrlEncoder.Encode(key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256))}";
        }

        using var own = ECDsa.Create();
        own.ImportFromPem(await File.ReadAllTextAsync(Path.Combine(registry.Data, "token.key"), TestContext.Current.CancellationToken));
        string header = Base64UrlEncoder.Decode(parts[0]);
        long far = TimeProvider.System.GetUtcNow().AddMinutes(1).ToUnixTimeSeconds();
        using var claims = JsonDocument.Parse(payload);
        long from = claims.RootElement.GetProperty("nbf").GetInt64(), until = claims.RootElement.GetProperty("exp").GetInt64();
        byte[] publicKey = Encoding.ASCII.GetBytes(own.ExportSubjectPublicKeyInfoPem());
        string symmetric = $"{Encode("""{"alg":"HS256","typ":"JWT"}""")}.{parts[1]}";

        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("app", "1", "Bearer " + Signed(header, payload, own)));
        string[] forged =
        [
            $"{Encode("""{"alg":"none","typ":"JWT"}""")}.{parts[1]}.",
            $"{Encode("""{"alg":"none","typ":"JWT"}""")}.{parts[1]}.{parts[2]}",
            $"{symmetric}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(publicKey, Encoding.ASCII.GetBytes(symmetric)))}",
            Signed(header, payload, other),
            $"{parts[0]}.{Encode(payload.Replace("\"bob\"", "\"alice\"", StringComparison.Ordinal))}.{parts[2]}",
            $"{parts[0]}.{parts[1]}.{Base64UrlEncoder.Encode(new byte[64])}",
            Signed(header, payload.Replace("\"aud\":\"mica-registry\"", "\"aud\":\"other\"", StringComparison.Ordinal), own),
            Signed(header, payload.Replace("\"iss\":\"mica-registry\"", "\"iss\":\"other\"", StringComparison.Ordinal), own),
            Signed(header, payload.Replace($"\"nbf\":{from}", $"\"nbf\":{far}", StringComparison.Ordinal), own),
            Signed(header, payload.Replace($"\"exp\":{until}", $"\"exp\":{from - 60}", StringComparison.Ordinal), own),
            Signed(header, payload.Replace($"\"exp\":{until},", "", StringComparison.Ordinal), own),
        ];
        foreach (string token in forged)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", "Bearer " + token));
        }
    }

    [Fact]
    public async Task Keys_ShowThePublicKeyOnly()
    {
        await using AccessFixture registry = await StartAsync([]);

        using HttpResponseMessage response = await registry.SendAsync(HttpMethod.Get, "/token/keys");
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        string token = (await registry.TokenAnswerAsync("", Alice)).GetProperty("token").GetString()!;
        Assert.NotNull(await SignedToken.ValidateAsync(
            token, "mica-registry", "mica-registry", new JsonWebKeySet(text).GetSigningKeys(), TimeSpan.Zero, TimeProvider.System));
        Assert.DoesNotContain("\"d\"", text, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(registry.Data, "token.key")));
    }
}
