using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Metadata;

namespace Mica.Tests.RegistryServer.Web;

/// <summary>A registry in this process, with a browser that looks at nothing but text.</summary>
internal sealed partial class WebLab : IAsyncDisposable
{
    private static readonly string[] s_void = ["meta", "link", "input", "img", "br", "hr"];

    private readonly RegistryServerFixture _registry;

    private WebLab(RegistryServerFixture registry) => _registry = registry;

    public HttpClient Client => _registry.Client;

    public string Host => Client.BaseAddress!.Authority;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<WebLab> StartAsync(Func<RegistryServerOptions, RegistryServerOptions>? configure = null) =>
        new(await RegistryServerFixture.StartAsync(configure));

    /// <summary>Puts things into the database as many pushes would have.</summary>
    public async Task FillAsync(Func<SqlSession, ValueTask> write)
    {
        await using SqliteDatabase database = await SqliteDatabase.OpenAsync(Path.Combine(_registry.Directory, "metadata.db"), Cancelled);
        await database.WriteAsync(write, Cancelled);
    }

    /// <summary>A page, which must be good HTML whatever it is about.</summary>
    public async Task<string> GetAsync(string address, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using HttpResponseMessage answer = await Client.GetAsync(address, Cancelled);
        string html = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal("text/html; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        CheckForm(html);
        return html;
    }

    /// <summary>What a reader sees: the text without its markup.</summary>
    public static string TextOf(string html) => Space().Replace(WebUtility.HtmlDecode(Element().Replace(html, " ")), " ");

    public async Task<Descriptor> BlobAsync(string repository, byte[] content, string mediaType)
    {
        var blob = Descriptor.Of(mediaType, content);
        using var body = new ByteArrayContent(content);
        using HttpResponseMessage answer = await Client.PostAsync($"/v2/{repository}/blobs/uploads/?digest={blob.Digest}", body, Cancelled);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return blob;
    }

    /// <summary>Pushes a document by a tag, or by its digest.</summary>
    public async Task<Descriptor> PutAsync(string repository, string? tag, string mediaType, byte[] content)
    {
        var manifest = Descriptor.Of(mediaType, content);
        using var body = new ByteArrayContent(content);
        body.Headers.ContentType = MediaTypeHeaderValue.Parse(mediaType);
        using HttpResponseMessage answer = await Client.PutAsync($"/v2/{repository}/manifests/{tag ?? manifest.Digest.ToString()}", body, Cancelled);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync(Cancelled));
        return manifest;
    }

    /// <summary>Pushes an image with these layers, which are the bytes of their names.</summary>
    public async Task<Descriptor> ImageAsync(
        string repository, string? tag, string[] layers, Action<JsonObject>? changeConfig = null, Action<JsonObject>? changeManifest = null, string architecture = "amd64")
    {
        var descriptors = new JsonArray();
        foreach (string layer in layers)
        {
            descriptors.Add(Node(await BlobAsync(repository, Encoding.UTF8.GetBytes(layer), MediaTypes.OciLayerGzip)));
        }

        var config = new JsonObject
        {
            ["os"] = "linux",
            ["architecture"] = architecture,
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray([.. layers.Select(layer => (JsonNode)Digest.Of(Encoding.UTF8.GetBytes(layer)).ToString())]) },
        };
        changeConfig?.Invoke(config);
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = MediaTypes.OciManifest,
            ["config"] = Node(await BlobAsync(repository, Encoding.UTF8.GetBytes(config.ToJsonString()), MediaTypes.OciConfig)),
            ["layers"] = descriptors,
        };
        changeManifest?.Invoke(manifest);
        return await PutAsync(repository, tag, MediaTypes.OciManifest, Encoding.UTF8.GetBytes(manifest.ToJsonString()));
    }

    /// <summary>Pushes what says something about <paramref name="subject"/>.</summary>
    public async Task<Descriptor> ReferrerAsync(string repository, Descriptor subject, string artifactType)
    {
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = MediaTypes.OciManifest,
            ["artifactType"] = artifactType,
            ["config"] = Node(await BlobAsync(repository, "{}"u8.ToArray(), MediaTypes.OciEmpty)),
            ["layers"] = new JsonArray(Node(await BlobAsync(repository, "{}"u8.ToArray(), MediaTypes.OciEmpty))),
            ["subject"] = Node(subject),
        };
        return await PutAsync(repository, null, MediaTypes.OciManifest, Encoding.UTF8.GetBytes(manifest.ToJsonString()));
    }

    public static JsonNode Node(Descriptor descriptor) => JsonNode.Parse(OciJson.Write(descriptor))!;

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    /// <summary>Every element is closed in order, no id stands twice, and nothing is there that the policy would keep from working.</summary>
    private static void CheckForm(string html)
    {
        var open = new Stack<string>();
        foreach (Match element in Element().Matches(html))
        {
            string name = element.Groups[2].Value;
            if (name.Length == 0 || s_void.Contains(name) || element.Value.EndsWith("/>", StringComparison.Ordinal))
            {
                continue;
            }

            if (element.Groups[1].Length == 0)
            {
                open.Push(name);
            }
            else
            {
                Assert.True(open.TryPop(out string? last) && last == name, $"</{name}> closes <{last}> at {element.Index}");
            }
        }

        Assert.Empty(open);
        string[] ids = [.. Id().Matches(html).Select(id => id.Groups[1].Value)];
        Assert.Equal(ids.Distinct(), ids);
        Assert.DoesNotMatch("""<[^>]+\s(?:style|on[a-z]+)=""", html);
    }

    [GeneratedRegex("""<(/?)([a-z0-9]*)(?:[^<>"]|"[^"]*")*>""", RegexOptions.IgnoreCase)]
    private static partial Regex Element();

    [GeneratedRegex("\\sid=\"([^\"]*)\"")]
    private static partial Regex Id();

    [GeneratedRegex("\\s+")]
    private static partial Regex Space();
}
