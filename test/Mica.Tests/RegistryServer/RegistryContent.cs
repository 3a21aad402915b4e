using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Mica.Oci;

namespace Mica.Tests.RegistryServer;

/// <summary>A document that was, or is to be, pushed.</summary>
public sealed record TestManifest(byte[] Content, string MediaType)
{
    public Digest Digest { get; } = Digest.Of(Content);

    /// <summary>As an index, a subject or a referrer's list has it.</summary>
    public string Descriptor => $$"""{"mediaType":"{{MediaType}}","digest":"{{Digest}}","size":{{Content.Length}}}""";

    public ByteArrayContent Body()
    {
        var body = new ByteArrayContent(Content);
        body.Headers.TryAddWithoutValidation("Content-Type", MediaType);
        return body;
    }
}

/// <summary>Shortcuts by which tests fill a registry; each wants the registry to take what it gets.</summary>
public static class RegistryContent
{
    /// <summary>The config that says nothing: <c>{}</c>.</summary>
    public static byte[] EmptyJson { get; } = "{}"u8.ToArray();

    /// <summary>Bytes that look random, and are the same in every run.</summary>
    public static byte[] Bytes(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static Digest Sha512(byte[] bytes) => Digest.FromHash(Digest.Sha512, SHA512.HashData(bytes));

    public static string Descriptor(byte[] blob, string mediaType) =>
        $$"""{"mediaType":"{{mediaType}}","digest":"{{Digest.Of(blob)}}","size":{{blob.Length}}}""";

    /// <summary>An image manifest around blobs, which need not be anywhere.</summary>
    /// <param name="config">The config's bytes.</param>
    /// <param name="layers">The layers' bytes.</param>
    /// <param name="subject">What the manifest is about.</param>
    /// <param name="artifactType">What the artifact is.</param>
    /// <param name="configType">The config's media type.</param>
    /// <param name="annotations">A JSON object.</param>
    public static TestManifest Manifest(
        byte[] config,
        byte[][] layers,
        TestManifest? subject = null,
        string? artifactType = null,
        string configType = MediaTypes.OciConfig,
        string? annotations = null)
    {
        string members = string.Concat(
            artifactType is null ? "" : $"\"artifactType\":\"{artifactType}\",",
            subject is null ? "" : $"\"subject\":{subject.Descriptor},",
            annotations is null ? "" : $"\"annotations\":{annotations},");
        string all = string.Join(',', layers.Select(layer => Descriptor(layer, MediaTypes.OciLayerGzip)));
        return new TestManifest(
            Encoding.UTF8.GetBytes(
                $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.OciManifest}}",{{members}}"config":{{Descriptor(config, configType)}},"layers":[{{all}}]}"""),
            MediaTypes.OciManifest);
    }

    /// <summary>An index of manifests, which need not be anywhere.</summary>
    public static TestManifest Index(params TestManifest[] manifests) => new(
        Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.OciIndex}}","manifests":[{{string.Join(',', manifests.Select(manifest => manifest.Descriptor))}}]}"""),
        MediaTypes.OciIndex);

    public static async Task<Digest> PushBlobAsync(this RegistryServerFixture registry, string repository, byte[] blob)
    {
        Digest digest = Digest.Of(blob);
        using HttpResponseMessage response = await registry.ExpectAsync(
            HttpStatusCode.Created, "POST", $"/v2/{repository}/blobs/uploads/?digest={digest}", new ByteArrayContent(blob));
        return digest;
    }

    /// <param name="registry">The registry.</param>
    /// <param name="repository">The repository.</param>
    /// <param name="manifest">The document; what it needs must be there.</param>
    /// <param name="reference">A tag; null for the digest.</param>
    public static async Task<Digest> PushManifestAsync(
        this RegistryServerFixture registry, string repository, TestManifest manifest, string? reference = null)
    {
        using HttpResponseMessage response = await registry.ExpectAsync(
            HttpStatusCode.Created, "PUT", $"/v2/{repository}/manifests/{reference ?? manifest.Digest.ToString()}", manifest.Body());
        return manifest.Digest;
    }

    /// <summary>Pushes an image of one layer, with its config; images of different seeds share nothing.</summary>
    public static async Task<TestManifest> PushImageAsync(
        this RegistryServerFixture registry, string repository, string? reference = "latest", int seed = 1, int layerSize = 1000)
    {
        byte[] config = Encoding.UTF8.GetBytes(
            $$$"""{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]},"author":"{{{seed}}}"}""");
        byte[] layer = Bytes(layerSize, seed);
        await registry.PushBlobAsync(repository, config);
        await registry.PushBlobAsync(repository, layer);
        TestManifest manifest = Manifest(config, [layer]);
        await registry.PushManifestAsync(repository, manifest, reference);
        return manifest;
    }

    /// <summary>Begins an upload and gives its address.</summary>
    public static async Task<string> BeginUploadAsync(this RegistryServerFixture registry, string repository, string query = "")
    {
        using HttpResponseMessage response = await registry.ExpectAsync(HttpStatusCode.Accepted, "POST", $"/v2/{repository}/blobs/uploads/{query}");
        return response.Headers.Location!.ToString();
    }

    public static async Task<byte[]> BytesAsync(this HttpResponseMessage response) =>
        await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);

    public static async Task<JsonNode> JsonAsync(this HttpResponseMessage response) => JsonNode.Parse(await response.BytesAsync())!;

    /// <summary>The code of the answer's only error, which must have the form that the specification gives.</summary>
    public static async Task<string> ErrorAsync(this HttpResponseMessage response)
    {
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        JsonNode error = Assert.Single((await response.JsonAsync())["errors"]!.AsArray())!;
        Assert.NotEqual("", (string)error["message"]!);
        return (string)error["code"]!;
    }

    /// <summary>A header's value however HTTP's library sorts it; null when it is missing.</summary>
    public static string? Header(this HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) || response.Content.Headers.TryGetValues(name, out values)
            ? string.Join(", ", values)
            : null;
}
