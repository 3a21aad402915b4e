using System.Net;
using System.Security.Cryptography;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;
using static Mica.Tests.RegistryServer.Access.AccessFixture;

namespace Mica.Tests.RegistryServer.Access;

public sealed class OpenIdTests
{
    [Fact]
    public async Task Login_ThroughTheProvider_GivesASessionThatReads()
    {
        await using var issuer = new FakeIssuer();
        await using AccessFixture registry = await StartAsync(issuer);
        await registry.PushAsync("app", "1", Alice);
        (string place, string login) = await BeginAsync(registry, issuer, "/login?return=/app");

        using HttpResponseMessage back = await registry.SendAsync(HttpMethod.Get, place, cookie: login);

        Assert.Equal(HttpStatusCode.Redirect, back.StatusCode);
        Assert.Equal("/app", back.Headers.Location!.OriginalString);
        string cookie = CookieOf(back, "mica-session");
        Assert.Contains("httponly", SetCookieOf(back, "mica-session"), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=lax", SetCookieOf(back, "mica-session"), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("carol", cookie, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(registry, HttpMethod.Get, "/v2/app/manifests/1", cookie));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(registry, HttpMethod.Get, "/v2/app/manifests/1", cookie[..^4] + "AAAA"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(registry, HttpMethod.Delete, "/v2/app/manifests/1", cookie));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(registry, HttpMethod.Post, "/v2/app/blobs/uploads/", cookie));
        using HttpResponseMessage logout = await registry.SendAsync(HttpMethod.Get, "/logout", cookie: cookie);
        Assert.Contains("expires=Thu, 01 Jan 1970", SetCookieOf(logout, "mica-session"), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(FakeIssuer.Secret, registry.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_NotBegunByTheBrowser_IsRefused()
    {
        await using var issuer = new FakeIssuer();
        await using AccessFixture registry = await StartAsync(issuer);
        (string place, string login) = await BeginAsync(registry, issuer, "/login");
        (_, string other) = await BeginAsync(registry, issuer, "/login");

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(registry, HttpMethod.Get, place, null));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(registry, HttpMethod.Get, place, other));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(registry, HttpMethod.Get, place, login.Replace("mica-login", "mica-session", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Login_TokenForAnotherLogin_IsRefused()
    {
        await using var issuer = new FakeIssuer { OtherNonce = "replayed" };
        await using AccessFixture registry = await StartAsync(issuer);
        (string place, string login) = await BeginAsync(registry, issuer, "/login");

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(registry, HttpMethod.Get, place, login));
    }

    [Theory]
    [InlineData("/app", "/app")]
    [InlineData("/app?x=1", "/app?x=1")]
    [InlineData("//evil.example", "/")]
    [InlineData("/\\evil.example", "/")]
    [InlineData("https://evil.example", "/")]
    [InlineData("/\tx", "/")]
    [InlineData(null, "/")]
    public void Return_IsAlwaysLocal(string? asked, string expected) => Assert.Equal(expected, SignIn.Local(asked));

    [Fact]
    public async Task IdToken_AsPassword_IsThePersonWithItsGroups()
    {
        await using var issuer = new FakeIssuer();
        await using AccessFixture registry = await StartAsync(issuer);
        await registry.PushAsync("app", "1", Alice);
        string Person(string claims, ECDsa? key = null, int minutes = 5) => Basic("oidc", issuer.Sign(claims, key, minutes));
        using var wrong = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        const string Good = "\"aud\":\"registry\",\"preferred_username\":\"carol\",\"groups\":\"dev\"";

        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("app", "1", Person(Good)));
        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("app", "1", await registry.BearerAsync("repository:app:pull", Person(Good))));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PullAsync("app", "1", Person("\"aud\":\"registry\",\"preferred_username\":\"carol\"")));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Person(Good, wrong)));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Person(Good, minutes: -5)));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Person(Good.Replace("registry", "other", StringComparison.Ordinal))));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Person(Good.Replace("carol", "robot:ci", StringComparison.Ordinal))));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Person(Good + ",\"azp\":\"other\"")));
    }

    [Fact]
    public async Task ForeignToken_AccessClaim_IsEnough()
    {
        await using var issuer = new FakeIssuer();
        string keys = Path.GetTempFileName();
        await File.WriteAllTextAsync(keys, issuer.Keys(), TestContext.Current.CancellationToken);
        await using AccessFixture registry = await AccessFixture.StartAsync([], (_, options) => options with
        {
            Access = options.Access! with
            {
                TokenIssuers = [new TokenIssuerOptions { Issuer = issuer.Issuer, Audience = "registry", Jwks = keys, Realm = new Uri("https://tokens.example/auth") }],
            },
        });
        string Token(string actions, string audience = "registry", int minutes = 5, ECDsa? key = null) => "Bearer " + issuer.Sign(
            $$"""
            "aud":"{{audience}}","sub":"dave","access":[{"type":"repository","name":"app","actions":[{{actions}}]}]
            """, key, minutes);
        using var wrong = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", Token("\"pull\",\"push\"")));
        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("app", "1", Token("\"pull\"")));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PushAsync("app", "2", Token("\"pull\"")));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("other", "1", Token("\"*\"")));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Token("\"pull\"", audience: "other")));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Token("\"pull\"", minutes: -5)));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Token("\"pull\"", key: wrong)));
        using HttpResponseMessage challenge = await registry.SendAsync(HttpMethod.Get, "/v2/");
        Assert.Equal("Bearer realm=\"https://tokens.example/auth\",service=\"registry\"", challenge.Headers.WwwAuthenticate.ToString());
        File.Delete(keys);
    }

    [Fact]
    public async Task ForeignToken_NewKey_IsFetchedButNotForEveryRequest()
    {
        await using var issuer = new FakeIssuer();
        await using AccessFixture registry = await AccessFixture.StartAsync([], (_, options) => options with
        {
            Access = options.Access! with
            {
                TokenIssuers = [new TokenIssuerOptions { Issuer = issuer.Issuer, Audience = "registry", Jwks = issuer.Address + "keys" }],
            },
        });
        using var wrong = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        issuer.KeyId = "made up";
        for (int count = 0; count < 5; count++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", "Bearer " + issuer.Sign("\"aud\":\"registry\"", wrong)));
        }

        Assert.Equal(1, issuer.KeyRequests);
    }

    private static Task<AccessFixture> StartAsync(FakeIssuer issuer) => AccessFixture.StartAsync(
        [Rule("group:dev", "**", Rights.All), Rule("alice", "**", Rights.All)],
        (fixture, options) =>
        {
            string secret = Path.Combine(fixture.Directory, "secret");
            File.WriteAllText(secret, FakeIssuer.Secret + "\n");
            return options with
            {
                Access = options.Access! with
                {
                    OpenIdConnect = new OpenIdConnectOptions { Issuer = issuer.Address, ClientId = FakeIssuer.ClientId, ClientSecretFile = secret },
                },
            };
        });

    /// <summary>From the link to the moment at which the provider sends the browser back: where to, and with which cookie.</summary>
    private static async Task<(string Place, string Cookie)> BeginAsync(AccessFixture registry, FakeIssuer issuer, string link)
    {
        using HttpResponseMessage begun = await registry.SendAsync(HttpMethod.Get, link);
        Assert.Equal(HttpStatusCode.Redirect, begun.StatusCode);
        return (issuer.Agree(begun.Headers.Location!), CookieOf(begun, "mica-login"));
    }

    private static async Task<HttpStatusCode> StatusAsync(AccessFixture registry, HttpMethod method, string path, string? cookie)
    {
        using HttpResponseMessage response = await registry.SendAsync(method, path, cookie: cookie);
        return response.StatusCode;
    }

    private static string SetCookieOf(HttpResponseMessage response, string name) =>
        response.Headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith(name + "=", StringComparison.Ordinal));

    private static string CookieOf(HttpResponseMessage response, string name) => SetCookieOf(response, name).Split(';')[0];
}
