using Mica.Fuzz.Documents;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Fuzz.Registry;

/// <summary>
/// The whole client in front of a registry that answers with the input, whatever is asked: challenges, tokens, redirects, pages,
/// errors, manifests, blobs, uploads. The first byte says what is asked. No message shows the password, and no answers make it ask
/// for ever.
/// </summary>
internal sealed class RegistryTarget : FuzzTarget
{
    private const string Password = "pass-e5a1";

    private static readonly byte[] s_content = Testdata.Bytes("{}");
    private static readonly Descriptor s_blob = Descriptor.Of(MediaTypes.OciLayerGzip, s_content);
    private static readonly Descriptor s_manifest = Descriptor.Of(MediaTypes.OciManifest, Testdata.Bytes(JsonWords.Manifest));
    private static readonly string s_found = $"200\nContent-Type: {MediaTypes.OciManifest}\nDocker-Content-Digest: {s_manifest.Digest}\n\n{JsonWords.Manifest}";

    private static readonly Func<RegistryClient, Task>[] s_operations =
    [
        async client => await RepositoryOf(client).ResolveAsync("tag", CancellationToken.None),
        async client => await RepositoryOf(client).FetchManifestAsync("tag", CancellationToken.None),
        client => ListAsync(RepositoryOf(client)),
        client => RepositoryOf(client).ReferrersAsync(s_manifest.Digest, null, CancellationToken.None),
        client => ReadAsync(RepositoryOf(client)),
        async client => await RepositoryOf(client).ExistsAsync(s_blob, CancellationToken.None),
        async client => await RepositoryOf(client).TryMountAsync(s_blob, "c/d", CancellationToken.None),
        async client => await RepositoryOf(client).WriteAsync(s_blob, new MemoryStream(s_content), CancellationToken.None),
        async client => await RepositoryOf(client).WriteAsync(s_manifest, new MemoryStream(Testdata.Bytes(JsonWords.Manifest)), CancellationToken.None),
        client => RepositoryOf(client).DeleteManifestAsync(s_manifest.Digest, CancellationToken.None),
        client => client.CheckLoginAsync("r.example", Knowing.Credential, CancellationToken.None),
    ];

    public override string Description => "RegistryClient: whatever a registry or a token server answers";

    public override IReadOnlyList<byte[]> Seeds { get; } = ForEveryOperation(
        s_found,
        Answers("401\nWWW-Authenticate: Bearer realm=\"https://t.example/token\",service=\"r.example\",scope=\"repository:a/b:pull\"", "200\n\n{\"token\":\"abc\",\"expires_in\":300}", s_found),
        Answers("401\nWWW-Authenticate: Basic realm=\"r\", Bearer realm=\"https://t.example/token?x=y\"", "200\n\n{\"access_token\":\"abc\",\"refresh_token\":\"r\"}", "401\nWWW-Authenticate: Bearer error=\"insufficient_scope\""),
        "404\n\n{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\",\"detail\":{}}]}",
        "429\nRetry-After: 120\nratelimit-limit: 100;w=21600\nratelimit-remaining: 0;w=21600\n\n{\"errors\":[{\"code\":\"TOOMANYREQUESTS\"}]}",
        Answers("200\nLink: </v2/a/b/tags/list?n=2&last=x>; rel=\"next\"\n\n{\"name\":\"a/b\",\"tags\":[\"w\",\"x\"]}", "200\n\n{\"name\":\"a/b\",\"tags\":[\"y\"]}"),
        Answers("307\nLocation: https://cdn.example/blob?sig=1", "200\nContent-Length: 2\n\n{}"),
        $"200\nContent-Type: {MediaTypes.OciIndex}\nLink: </v2/a/b/referrers/x?p=2>; rel=next\n\n{JsonWords.Index}",
        Answers("202\nLocation: /v2/a/b/blobs/uploads/u?state=1\nRange: 0-0\nOCI-Chunk-Min-Length: 5", "202\nLocation: https://r.example/v2/a/b/blobs/uploads/u?state=2", "201"),
        "201\nLocation: /v2/a/b/blobs/" + s_blob.Digest + "\nDocker-Content-Digest: " + s_blob.Digest,
        Answers("206\nContent-Range: bytes 0-1/2\nContent-Length: 2\n\n{}", "416\nContent-Range: bytes */2"),
        "500\nContent-Type: text/html\n\n<html>", "200\n\n{}");

    public override IReadOnlyList<byte[]> Words { get; } =
    [
        .. JsonWords.Image,
        .. Testdata.Bytes(
            "\n%%\n", "\n\n", "200\n", "201\n", "202\n", "204\n", "206\n", "301\n", "307\n", "308\n", "400\n", "401\n", "403\n", "404\n", "405\n", "416\n", "429\n", "503\n",
            "WWW-Authenticate: ", "Bearer ", "Basic ", "realm=", "service=", "scope=", "error=insufficient_scope", "\\\"", "Location: ", "Link: <", ">; rel=\"next\"", "Link: <//r.example//[x>; rel=next",
            "Link: <?>; rel=next", "Location: http://", "Location: //", "Location: https://u:p@x/", "Location: file:///etc/passwd", "https://[::1", "https://r.example:99999/", "mailto:x", "data:,x",
            "Content-Length: 0\n", "Content-Length: -1\n", "Content-Length: 9223372036854775807\n", "Content-Range: bytes 0-9223372036854775807/9223372036854775807\n", "Range: 0-9223372036854775807\n",
            "Range: 5-1\n", "Retry-After: 0\n", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\n", "Retry-After: 99999999999\n", "Docker-Content-Digest: ", "Content-Type: ", "Content-Type: a/b; charset=x\n",
            "Transfer-Encoding: chunked\n", "Content-Encoding: gzip\n", "OCI-Chunk-Min-Length: 99999999999\n", "OCI-Subject: ", "OCI-Filters-Applied: x\n", "\"token\":", "\"access_token\":", "\"expires_in\":",
            "\"expires_in\":2147483647", "\"refresh_token\":", "\"errors\":[", "\"code\":", "\"message\":", "\"tags\":[", "\"tags\":null", "\"error_description\":"),
    ];

    public override void Run(byte[] input)
    {
        if (input.Length == 0)
        {
            return;
        }

        try
        {
            RunAsync(s_operations[input[0] % s_operations.Length], input[1..]).GetAwaiter().GetResult();
        }
        catch (MicaException refusal)
        {
            FuzzFailure.Unless(!refusal.Message.Contains(Password, StringComparison.Ordinal), "a message shows the password");
            throw;
        }
    }

    private static async Task RunAsync(Func<RegistryClient, Task> operation, byte[] input)
    {
        using var answers = new AnswerHandler(input);
        await using var client = new RegistryClient(new RegistryClientOptions { Credentials = new Knowing(), Handler = answers, MaxAttempts = 1 });
        await operation(client);
    }

    private static RegistryRepository RepositoryOf(RegistryClient client) => client.Repository(ImageReference.Parse("r.example/a/b:tag"), progress: null);

    private static async Task ListAsync(RegistryRepository repository)
    {
        await foreach (string tag in repository.TagsAsync(CancellationToken.None))
        {
            FuzzFailure.Unless(ImageReference.TryParse("a:" + tag, out _), $"{Printable.Of(tag)} is listed, and is no tag");
        }
    }

    private static async Task ReadAsync(RegistryRepository repository)
    {
        await using Stream content = await repository.OpenAsync(s_blob, CancellationToken.None);
        using var read = new MemoryStream();
        await content.CopyToAsync(read);
        FuzzFailure.Unless(Digest.Of(read.ToArray()) == s_blob.Digest, "a blob has another digest");
    }

    private static IReadOnlyList<byte[]> ForEveryOperation(params ReadOnlySpan<string> answers) =>
        [.. Testdata.Bytes(answers).SelectMany(each => Enumerable.Range(0, s_operations.Length).Select(operation => (byte[])[(byte)operation, .. each]))];

    private static string Answers(params ReadOnlySpan<string> answers) => string.Join("\n%%\n", answers!);

    private sealed class Knowing : ICredentialSource
    {
        public static Credential Credential { get; } = new() { Username = "u", Password = Password };

        public ValueTask<Credential?> FindAsync(string registryHost, string repositoryPath, CancellationToken cancellationToken) =>
            ValueTask.FromResult<Credential?>(Credential);
    }
}
