using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#listing-referrers.</summary>
public sealed class ListingReferrersTests : ProtocolTests
{
    [Fact]
    public async Task Referrers_OfWhatHasNone_IsAnEmptyIndex()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);

        foreach (string path in (string[])[
            $"/v2/{Repository}/referrers/{image.Digest}", $"/v2/{Repository}/referrers/{Digest.Of("other"u8)}", $"/v2/nobody/referrers/{image.Digest}"])
        {
            using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", path);

            JsonNode index = await response.JsonAsync();
            Assert.Equal(MediaTypes.OciIndex, response.Header("Content-Type"));
            Assert.Equal(2, (int)index["schemaVersion"]!);
            Assert.Equal(MediaTypes.OciIndex, (string)index["mediaType"]!);
            Assert.Empty(index["manifests"]!.AsArray());
            Assert.Null(response.Header("OCI-Filters-Applied"));
        }
    }

    [Theory]
    [InlineData("latest")]
    [InlineData("sha256:abc")]
    [InlineData("")]
    public async Task Referrers_OfAMalformedDigest_Is400(string digest)
    {
        await Registry.PushImageAsync(Repository);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.BadRequest, "GET", $"/v2/{Repository}/referrers/{digest}");

        Assert.Equal("DIGEST_INVALID", await response.ErrorAsync());
    }

    [Fact]
    public async Task Referrers_AreDescribedWithTypeSizeAndAnnotations()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);
        TestManifest sbom = await PushReferrerAsync(image, "application/x-sbom", annotations: "{\"org.example.a\":\"ü<&\\\"\"}");

        JsonNode entry = Assert.Single(await ListAsync(image))!;

        Assert.Equal(sbom.Digest.ToString(), (string)entry["digest"]!);
        Assert.Equal(MediaTypes.OciManifest, (string)entry["mediaType"]!);
        Assert.Equal(sbom.Content.Length, (int)entry["size"]!);
        Assert.Equal("application/x-sbom", (string)entry["artifactType"]!);
        Assert.Equal("ü<&\"", (string)entry["annotations"]!["org.example.a"]!);
    }

    [Fact]
    public async Task Referrers_WithoutAnArtifactType_HaveThatOfTheirConfigAndIndexesNone()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);
        TestManifest old = await PushReferrerAsync(image, artifactType: null, configType: "application/x-signature.config");
        var index = new TestManifest(
            Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"manifests":[],"subject":{{image.Descriptor}}}"""), MediaTypes.OciIndex);
        await Registry.PushManifestAsync(Repository, index);

        JsonArray entries = await ListAsync(image);

        Assert.Equal(2, entries.Count);
        Assert.Equal(
            "application/x-signature.config", (string)entries.Single(entry => (string)entry!["digest"]! == old.Digest.ToString())!["artifactType"]!);
        JsonNode ofIndex = entries.Single(entry => (string)entry!["digest"]! == index.Digest.ToString())!;
        Assert.Null(ofIndex["artifactType"]);
        Assert.Equal(MediaTypes.OciIndex, (string)ofIndex["mediaType"]!);
    }

    [Fact]
    public async Task Referrers_FilteredByType_SayThatTheyAre()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);
        TestManifest sbom = await PushReferrerAsync(image, "application/vnd.example.sbom.v1+json");
        await PushReferrerAsync(image, "application/x-signature");

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.OK,
            "GET",
            $"/v2/{Repository}/referrers/{image.Digest}?artifactType={Uri.EscapeDataString("application/vnd.example.sbom.v1+json")}");
        using HttpResponseMessage none = await Registry.GetAsync($"/v2/{Repository}/referrers/{image.Digest}?artifactType=application/x-none");

        Assert.Equal("artifactType", response.Header("OCI-Filters-Applied"));
        Assert.Equal(sbom.Digest.ToString(), (string)Assert.Single((await response.JsonAsync())["manifests"]!.AsArray())!["digest"]!);
        Assert.Equal("artifactType", none.Header("OCI-Filters-Applied"));
        Assert.Empty((await none.JsonAsync())["manifests"]!.AsArray());
    }

    [Fact]
    public async Task Referrers_InAnotherRepository_AreNotListed()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);
        await PushReferrerAsync(image, "application/x-sbom", repository: "other");

        Assert.Empty(await ListAsync(image));
    }

    [Fact]
    public async Task Referrers_ThatAreDeleted_AreNotListed()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);
        TestManifest sbom = await PushReferrerAsync(image, "application/x-sbom");
        using HttpResponseMessage delete = await Registry.ExpectAsync(
            HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/manifests/{sbom.Digest}");

        Assert.Empty(await ListAsync(image));
    }

    [Fact]
    public async Task Referrers_LargerThanClientsRead_ComeInPagesThatAreNot()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);
        string large = new('x', 300_000);
        var pushed = new List<string>();
        for (int number = 0; number < 9; number++)
        {
            pushed.Add((await PushReferrerAsync(image, "application/x+sbom", annotations: $"{{\"a\":\"{number}{large}\"}}")).Digest.ToString());
        }

        var listed = new List<string>();
        string? next = $"/v2/{Repository}/referrers/{image.Digest}?artifactType=application/x%2Bsbom";
        int pages = 0;
        while (next is not null)
        {
            using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", next);
            byte[] page = await response.BytesAsync();
            Assert.InRange(page.Length, 1, 4 << 20);
            Assert.Equal("artifactType", response.Header("OCI-Filters-Applied"));
            listed.AddRange(JsonNode.Parse(page)!["manifests"]!.AsArray().Select(entry => (string)entry!["digest"]!));
            next = response.Header("Link") is { } link ? link.Split('<', '>')[1] : null;
            pages++;
        }

        Assert.Equal(pushed.Order(StringComparer.Ordinal), listed);
        Assert.InRange(pages, 2, 9);
    }

    private async Task<JsonArray> ListAsync(TestManifest subject)
    {
        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/referrers/{subject.Digest}");
        return (await response.JsonAsync())["manifests"]!.AsArray();
    }

    private async Task<TestManifest> PushReferrerAsync(
        TestManifest subject, string? artifactType, string configType = MediaTypes.OciEmpty, string? annotations = null, string repository = Repository)
    {
        await Registry.PushBlobAsync(repository, RegistryContent.EmptyJson);
        TestManifest referrer = RegistryContent.Manifest(RegistryContent.EmptyJson, [], subject, artifactType, configType, annotations);
        await Registry.PushManifestAsync(repository, referrer);
        return referrer;
    }
}
