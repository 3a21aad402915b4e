using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Web;

public sealed class WebImageTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Image_LayersAndHistory_StandBesideEachOther()
    {
        await using WebLab lab = await WebLab.StartAsync();
        await lab.ImageAsync("base", "v1", ["bottom"]);
        await lab.ImageAsync("app", "v1", ["bottom", "top-layer"], config => config["history"] = new JsonArray(
            Step("/bin/sh -c #(nop) ADD file:1 in / "),
            Step("/bin/sh -c #(nop)  CMD [\"sh\"]", isEmpty: true),
            Step("RUN /bin/sh -c make # buildkit")));

        string text = WebLab.TextOf(await lab.GetAsync("/r/app:v1"));

        Assert.Contains($"ADD file:1 in / 6 B {Digest.Of("bottom"u8).Short} base CMD [\"sh\"] RUN make 9 B {Digest.Of("top-layer"u8).Short} – ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_Config_IsShown()
    {
        await using WebLab lab = await WebLab.StartAsync();
        await lab.ImageAsync("app", "v1", ["layer"], config => config["config"] = new JsonObject
        {
            ["User"] = "1000:1000",
            ["Env"] = new JsonArray("PATH=/bin:/sbin"),
            ["Entrypoint"] = new JsonArray("/app", "a \"b\""),
            ["Cmd"] = new JsonArray("--serve"),
            ["WorkingDir"] = "/srv",
            ["ExposedPorts"] = new JsonObject { ["80/tcp"] = new JsonObject() },
            ["Volumes"] = new JsonObject { ["/data"] = new JsonObject() },
            ["Labels"] = new JsonObject { ["version"] = "7" },
        });

        string text = WebLab.TextOf(await lab.GetAsync("/r/app:v1"));

        foreach (string expected in (string[])
            [
                "Entrypoint [\"/app\", \"a \\\"b\\\"\"]", "Command [\"--serve\"]", "User 1000:1000", "Directory /srv", "Ports 80/tcp",
                "Volumes /data", "PATH /bin:/sbin", "version 7", "linux/amd64",
            ])
        {
            Assert.Contains(expected, text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("nonsense", "The config cannot be shown")]
    [InlineData(null, "too long to show")]
    public async Task Image_ConfigThatCannotBeRead_StillHasAPage(string? content, string expected)
    {
        await using WebLab lab = await WebLab.StartAsync();
        byte[] config = content is null ? new byte[(4 << 20) + 1] : Encoding.UTF8.GetBytes(content);
        Descriptor blob = await lab.BlobAsync("app", config, MediaTypes.OciConfig);
        await lab.ImageAsync("app", "v1", ["layer"], changeManifest: manifest => manifest["config"] = WebLab.Node(blob));

        string html = await lab.GetAsync("/r/app:v1");

        Assert.Contains(expected, html, StringComparison.Ordinal);
        Assert.Contains(Digest.Of("layer"u8).Short, html, StringComparison.Ordinal);
        await lab.GetAsync("/r/app");
    }

    [Fact]
    public async Task Index_PlatformsAndAttestations_LeadToTheirPages()
    {
        await using WebLab lab = await WebLab.StartAsync();
        Descriptor amd64 = await lab.ImageAsync("app", null, ["a"]);
        Descriptor arm64 = await lab.ImageAsync("app", null, ["b"], architecture: "arm64");
        Descriptor attestation = await lab.ReferrerAsync("app", amd64, "application/vnd.in-toto+json");
        var index = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = MediaTypes.OciIndex,
            ["manifests"] = new JsonArray(
                Entry(amd64, "linux", "amd64"),
                Entry(arm64, "linux", "arm64"),
                Entry(attestation, "unknown", "unknown", amd64.Digest)),
        };
        Descriptor pushed = await lab.PutAsync("app", "v1", MediaTypes.OciIndex, Encoding.UTF8.GetBytes(index.ToJsonString()));

        string html = await lab.GetAsync("/r/app:v1");
        string child = await lab.GetAsync($"/r/app@{arm64.Digest}");
        string tags = WebLab.TextOf(await lab.GetAsync("/r/app"));

        Assert.Contains($"<a href=\"/r/app@{amd64.Digest}\">linux/amd64</a>", html, StringComparison.Ordinal);
        Assert.Contains($"<a href=\"/r/app@{arm64.Digest}\">linux/arm64</a>", html, StringComparison.Ordinal);
        Assert.Contains($"<a href=\"/r/app@{attestation.Digest}\">for linux/amd64</a>", html, StringComparison.Ordinal);
        Assert.Contains($"Part of {pushed.Digest.Short}", WebLab.TextOf(child), StringComparison.Ordinal);
        Assert.Contains("linux/amd64 linux/arm64", tags, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_Referrers_AreListedByWhatTheyAre()
    {
        await using WebLab lab = await WebLab.StartAsync();
        Descriptor image = await lab.ImageAsync("app", "v1", ["layer"]);
        Descriptor signature = await lab.ReferrerAsync("app", image, "application/vnd.dev.cosign.artifact.sig.v1+json");
        await lab.ReferrerAsync("app", image, "application/vnd.cyclonedx+json");
        await lab.ImageAsync("app", $"sha256-{image.Digest.Hex}.att", ["old"]);

        string html = await lab.GetAsync("/r/app:v1");

        Assert.Contains($"<a href=\"/r/app@{signature.Digest}\">Signature</a>", html, StringComparison.Ordinal);
        Assert.Contains(">SBOM</a>", html, StringComparison.Ordinal);
        Assert.Contains($"<a href=\"/r/app:sha256-{image.Digest.Hex}.att\">Attestation</a>", html, StringComparison.Ordinal);
        Assert.Contains($"About {image.Digest.Short}", WebLab.TextOf(await lab.GetAsync($"/r/app@{signature.Digest}")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tag_Moved_HasItsHistory()
    {
        await using WebLab lab = await WebLab.StartAsync();
        Descriptor first = await lab.ImageAsync("app", "v1", ["one"]);
        Descriptor second = await lab.ImageAsync("app", "v1", ["two"]);

        string text = WebLab.TextOf(await lab.GetAsync("/r/app:v1"));

        Assert.Matches($"ago anonymous {first.Digest.Short} {second.Digest.Short} .* ago anonymous new {first.Digest.Short}", text);
    }

    [Fact]
    public async Task Tag_MovedOften_HasItsHistoryInPages()
    {
        await using WebLab lab = await WebLab.StartAsync();
        for (int number = 0; number < 25; number++)
        {
            await lab.ImageAsync("app", "v1", [$"layer {number}"]);
        }

        string first = await lab.GetAsync("/r/app:v1");
        string older = System.Text.RegularExpressions.Regex.Match(first, "href=\"(\\?before=\\d+)#history\"").Groups[1].Value;
        string second = await lab.GetAsync("/r/app:v1" + older);

        Assert.DoesNotContain(">new<", first, StringComparison.Ordinal);
        Assert.Contains(">new<", second, StringComparison.Ordinal);
        Assert.DoesNotContain("?before=", second, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tag_Removed_StillHasItsHistory()
    {
        await using WebLab lab = await WebLab.StartAsync();
        Descriptor image = await lab.ImageAsync("app", "v1", ["one"]);
        using HttpResponseMessage removed = await lab.Client.DeleteAsync("/v2/app/manifests/v1", Cancelled);

        string html = await lab.GetAsync("/r/app:v1", HttpStatusCode.NotFound);

        Assert.Contains("This tag was removed", html, StringComparison.Ordinal);
        Assert.Contains($"<a href=\"/r/app@{image.Digest}\">", html, StringComparison.Ordinal);
    }

    private static JsonObject Step(string line, bool isEmpty = false) => new() { ["created_by"] = line, ["empty_layer"] = isEmpty };

    private static JsonNode Entry(Descriptor manifest, string system, string architecture, Digest? about = null)
    {
        JsonNode entry = WebLab.Node(manifest);
        entry["platform"] = new JsonObject { ["os"] = system, ["architecture"] = architecture };
        if (about is { } digest)
        {
            entry["annotations"] = new JsonObject { ["vnd.docker.reference.type"] = "attestation-manifest", ["vnd.docker.reference.digest"] = digest.ToString() };
        }

        return entry;
    }
}
