using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;

namespace Mica.Tests.RegistryServer.Web;

public sealed class WebPagesTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Home_Empty_SaysHowToPush()
    {
        await using WebLab lab = await WebLab.StartAsync();

        string html = await lab.GetAsync("/");

        Assert.Contains("Nothing here yet", html, StringComparison.Ordinal);
        Assert.Contains($"docker push {lab.Host}/team/app", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Home_NothingReadable_SaysSoKindly()
    {
        await using WebLab lab = await WebLab.StartAsync(options => options with { Access = new AccessOptions() });

        string html = await lab.GetAsync("/");

        Assert.Contains("Welcome", html, StringComparison.Ordinal);
        Assert.DoesNotContain("/login", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_ServerWithOpenIdConnect_LeadsToTheLoginAndBack()
    {
        var access = new AccessOptions { OpenIdConnect = new OpenIdConnectOptions { Issuer = new Uri("https://id.example.org/"), ClientId = "registry" } };
        await using WebLab lab = await WebLab.StartAsync(options => options with { Access = access });

        string html = await lab.GetAsync("/search?q=a&b");

        Assert.Contains("href=\"/login?return=%2Fsearch%3Fq%3Da%26b\"", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_SomeRepositoriesReadable_ShowNothingOfTheOthers()
    {
        AccessRule[] rules =
        [
            new() { Subjects = [AccessRule.Anybody], Repositories = ["open/**"], Rights = Rights.All },
            new() { Subjects = [AccessRule.Anybody], Repositories = ["secret/**"], Rights = Rights.Create },
        ];
        await using WebLab lab = await WebLab.StartAsync(options => options with { Access = new AccessOptions { Rules = [.. rules] } });
        Descriptor image = await lab.ImageAsync("open/app", "v1", ["base", "app"]);
        await lab.ImageAsync("secret/app", "v1", ["base", "hidden"]);

        string[] pages =
        [
            await lab.GetAsync("/"),
            await lab.GetAsync("/?q=app"),
            await lab.GetAsync("/search?q=app"),
            await lab.GetAsync("/search?q=v1"),
            await lab.GetAsync("/search?q=" + Digest.Of("base"u8).Hex),
            await lab.GetAsync("/search?q=" + image.Digest),
            await lab.GetAsync("/search?q=other/app:v1"),
            await lab.GetAsync("/r/open/app:v1"),
            await lab.GetAsync("/r/secret/app", HttpStatusCode.NotFound),
            await lab.GetAsync("/r/secret/app:v1", HttpStatusCode.NotFound),
            await lab.GetAsync($"/r/secret/app@{image.Digest}", HttpStatusCode.NotFound),
        ];

        Assert.All(pages, page => Assert.DoesNotContain("secret", page, StringComparison.Ordinal));
        Assert.All(pages[..4], page => Assert.Contains("/r/open/app", page, StringComparison.Ordinal));
        Assert.DoesNotContain("/r/secret", await lab.GetAsync("/search?q=secret/app:v1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_HostileTexts_AreShownAsText()
    {
        const string Script = "<script>alert(1)</script>", Quoted = "\"><img src=x onerror=alert(2)>";
        await using WebLab lab = await WebLab.StartAsync();
        await lab.ImageAsync(
            "app",
            "v1",
            ["layer"],
            config =>
            {
                config["author"] = Script + "\u202e";
                config["history"] = new JsonArray(new JsonObject { ["created_by"] = Script });
                config["config"] = new JsonObject
                {
                    ["User"] = Quoted,
                    ["Env"] = new JsonArray(Script + "=" + Quoted),
                    ["Cmd"] = new JsonArray(Script),
                    ["Labels"] = new JsonObject { [Script] = Quoted, ["link"] = "javascript:alert(3)", ["web"] = "https://example.org/?a=1&b=\"<" },
                };
            },
            manifest => manifest["annotations"] = new JsonObject { [Quoted] = Script });

        string html = await lab.GetAsync("/r/app:v1");

        Assert.DoesNotContain("<script>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<img src=x", html, StringComparison.Ordinal);
        Assert.DoesNotContain("href=\"javascript", html, StringComparison.Ordinal);
        Assert.DoesNotContain("\u202e", html, StringComparison.Ordinal);
        Assert.True(Regex.Count(WebLab.TextOf(html), Regex.Escape(Script)) >= 6, "all of them are shown");
        Assert.Contains("href=\"https://example.org/?a=1&amp;b=&quot;&lt;\"", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/?q=")]
    [InlineData("/search?q=")]
    [InlineData("/r/app?q=")]
    public async Task Page_HostileQuery_IsShownAsText(string address)
    {
        await using WebLab lab = await WebLab.StartAsync();
        await lab.ImageAsync("app", "v1", ["layer"]);

        string html = await lab.GetAsync(address + Uri.EscapeDataString("\"><script>alert(1)</script>%_\\"));

        Assert.DoesNotContain("<script>", html, StringComparison.Ordinal);
        Assert.Contains("“\"><script>alert(1)</script>%_\\”", WebUtility.HtmlDecode(html), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_Any_ForbidsWhatItDoesNotNeed()
    {
        await using WebLab lab = await WebLab.StartAsync();

        using HttpResponseMessage answer = await lab.Client.GetAsync("/", Cancelled);

        string policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("no-cache, private", answer.Headers.CacheControl!.ToString());
    }

    [Theory]
    [InlineData("/nope")]
    [InlineData("/r/")]
    [InlineData("/r/UPPER")]
    [InlineData("/r/a/../../etc/passwd")]
    [InlineData("/r/none")]
    [InlineData("/r/app:none")]
    [InlineData("/r/app:")]
    [InlineData("/r/app@sha256:123")]
    [InlineData("/r/app@sha256:0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("/web/000000000000/style.css")]
    public async Task Page_UnknownAddress_IsNotFound(string address)
    {
        await using WebLab lab = await WebLab.StartAsync();
        await lab.ImageAsync("app", "v1", ["layer"]);

        string html = await lab.GetAsync(address, HttpStatusCode.NotFound);

        Assert.Contains("There is no such page here", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OtherAddresses_Always_AreNotThePages()
    {
        await using WebLab lab = await WebLab.StartAsync();

        using HttpResponseMessage api = await lab.Client.GetAsync("/v2/none/tags/list", Cancelled);
        using HttpResponseMessage post = await lab.Client.PostAsync("/", null, Cancelled);
        using HttpResponseMessage head = await lab.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/"), Cancelled);

        Assert.Equal("application/json", api.Content.Headers.ContentType!.MediaType);
        Assert.Equal("application/json", post.Content.Headers.ContentType!.MediaType);
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.True(head.Content.Headers.ContentLength > 500);
    }

    [Fact]
    public async Task Assets_OfAPage_AreKeptForGood()
    {
        await using WebLab lab = await WebLab.StartAsync();

        string[] addresses = [.. Regex.Matches(await lab.GetAsync("/"), "\"(/web/[^\"]+)\"").Select(match => match.Groups[1].Value).Distinct()];

        Assert.Equal(3, addresses.Length);
        foreach (string address in addresses)
        {
            using HttpResponseMessage answer = await lab.Client.GetAsync(address, Cancelled);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains("immutable", answer.Headers.GetValues("Cache-Control").Single(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Commands_OfAnImage_HaveTheAddressThatTheBrowserKnows()
    {
        await using WebLab lab = await WebLab.StartAsync();
        Descriptor image = await lab.ImageAsync("app", "v1", ["layer"]);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/r/app:v1");
        request.Headers.Host = "images.example.org";

        using HttpResponseMessage answer = await lab.Client.SendAsync(request, Cancelled);

        string html = await answer.Content.ReadAsStringAsync(Cancelled);
        foreach (string program in (string[])["mica", "docker", "podman"])
        {
            Assert.Contains($"{program} pull images.example.org/app:v1<", html, StringComparison.Ordinal);
            Assert.Contains($"{program} pull images.example.org/app@{image.Digest}<", html, StringComparison.Ordinal);
        }
    }
}
