using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mica.Oci;
using Microsoft.AspNetCore.Http;

namespace Mica.Tests.Registry;

/// <summary>OCI distribution-spec v1.1 on the server's side, for <see cref="TestRegistry"/>.</summary>
internal sealed class TestRegistryProtocol(TestRegistry registry)
{
    private readonly TestRegistryUploads _uploads = new(registry);

    private TestRegistryBehaviour Behaviour => registry.Behaviour;

    public async Task HandleAsync(HttpContext context)
    {
        string path = context.Request.Path.Value ?? "";
        if (path == "/token" && registry.Auth is { } tokens)
        {
            await tokens.IssueAsync(context);
        }
        else if (path.StartsWith("/store/", StringComparison.Ordinal))
        {
            await StoreAsync(context, path["/store/".Length..]);
        }
        else if (path is "/v2/" or "/v2")
        {
            if (registry.Auth is null || await registry.Auth.AllowsAsync(context, registry.Address, []))
            {
                await context.Response.WriteAsync("{}");
            }
        }
        else if (path.StartsWith("/v2/", StringComparison.Ordinal))
        {
            await RouteAsync(context, path["/v2/".Length..]);
        }
        else
        {
            context.Response.StatusCode = 404;
        }
    }

    public static async Task ErrorAsync(HttpContext context, int status, string code, string message)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.WriteAsync($$"""{"errors":[{"code":"{{code}}","message":"{{message}}"}]}""");
        }
    }

    private async Task RouteAsync(HttpContext context, string path)
    {
        foreach (string kind in (string[])["/blobs/uploads/", "/manifests/", "/blobs/", "/tags/list", "/referrers/"])
        {
            int at = path.LastIndexOf(kind, StringComparison.Ordinal);
            if (at > 0)
            {
                string name = path[..at];
                if (registry.Auth is null || await registry.Auth.AllowsAsync(context, registry.Address, Scopes(context, name)))
                {
                    await DispatchAsync(context, name, kind, path[(at + kind.Length)..]);
                }

                return;
            }
        }

        context.Response.StatusCode = 404;
    }

    private Task DispatchAsync(HttpContext context, string name, string kind, string rest) => kind switch
    {
        "/blobs/uploads/" => _uploads.HandleAsync(context, name, rest),
        "/manifests/" => ManifestAsync(context, name, rest),
        "/blobs/" => BlobAsync(context, name, rest),
        "/tags/list" => TagsAsync(context, name),
        _ => ReferrersAsync(context, name, rest),
    };

    private static IEnumerable<(string Name, string Action)> Scopes(HttpContext context, string name)
    {
        string method = context.Request.Method;
        string action = HttpMethods.IsGet(method) || HttpMethods.IsHead(method) ? "pull"
            : HttpMethods.IsDelete(method) && !context.Request.Path.Value!.Contains("/uploads/", StringComparison.Ordinal) ? "delete"
            : "push";
        yield return (name, action);
        if (context.Request.Query["from"].ToString() is { Length: > 0 } from)
        {
            yield return (from, "pull");
        }
    }

    private async Task ManifestAsync(HttpContext context, string name, string reference)
    {
        TestRepository repository = registry.Repository(name);
        string method = context.Request.Method;
        if (HttpMethods.IsPut(method))
        {
            await PutManifestAsync(context, repository, reference);
            return;
        }

        if (HttpMethods.IsHead(method) && !Behaviour.HeadManifests)
        {
            await ErrorAsync(context, 405, "UNSUPPORTED", "no HEAD here");
            return;
        }

        bool isDigest = Digest.TryParse(reference, out Digest digest);
        if ((!isDigest && !repository.Tags.TryGetValue(reference, out digest))
            || !repository.Manifests.TryGetValue(digest, out (string MediaType, byte[] Content) manifest))
        {
            await ErrorAsync(context, 404, "MANIFEST_UNKNOWN", "manifest unknown");
        }
        else if (HttpMethods.IsDelete(method))
        {
            await DeleteAsync(context, () => _ = isDigest ? repository.Manifests.TryRemove(digest, out _) : repository.Tags.TryRemove(reference, out _));
        }
        else
        {
            await SendManifestAsync(context, digest, manifest.MediaType, manifest.Content);
        }
    }

    private async Task SendManifestAsync(HttpContext context, Digest digest, string mediaType, byte[] content)
    {
        if (Behaviour.DigestHeader)
        {
            context.Response.Headers["Docker-Content-Digest"] = Behaviour.WrongDigestHeader ?? digest.ToString();
        }

        if (Behaviour.RateLimit is { } rate)
        {
            context.Response.Headers["ratelimit-limit"] = $"{rate.Limit};w=21600";
            context.Response.Headers["ratelimit-remaining"] = $"{rate.Remaining};w=21600";
        }

        context.Response.ContentType = mediaType;
        context.Response.ContentLength = content.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(content);
        }
    }

    private async Task PutManifestAsync(HttpContext context, TestRepository repository, string reference)
    {
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        byte[] content = body.ToArray();
        string mediaType = context.Request.ContentType ?? "";
        bool isDigest = Digest.TryParse(reference, out Digest digest);
        Digest actual = DigestOf(isDigest ? digest.Algorithm : Digest.Sha256, content);
        if (isDigest && actual != digest)
        {
            await ErrorAsync(context, 400, "DIGEST_INVALID", "provided digest did not match uploaded content");
            return;
        }

        foreach (Descriptor child in ManifestDocument.Children(content, mediaType))
        {
            if (!repository.Blobs.ContainsKey(child.Digest) && !repository.Manifests.ContainsKey(child.Digest)
                && !MediaTypes.IsNondistributable(child.MediaType))
            {
                await ErrorAsync(context, 400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
                return;
            }
        }

        repository.Manifests[actual] = (mediaType, content);
        if (!isDigest)
        {
            repository.Tags[reference] = actual;
        }

        if (Behaviour.Referrers && SubjectOf(mediaType, content) is { } subject)
        {
            context.Response.Headers["OCI-Subject"] = subject.Digest.ToString();
        }

        context.Response.Headers["Docker-Content-Digest"] = Behaviour.WrongDigestHeader ?? actual.ToString();
        context.Response.Headers.Location = $"/v2/x/manifests/{actual}";
        context.Response.StatusCode = 201;
    }

    private async Task BlobAsync(HttpContext context, string name, string reference)
    {
        TestRepository repository = registry.Repository(name);
        if (!Digest.TryParse(reference, out Digest digest) || !repository.Blobs.TryGetValue(digest, out byte[]? content))
        {
            await ErrorAsync(context, 404, "BLOB_UNKNOWN", "blob unknown to registry");
        }
        else if (HttpMethods.IsDelete(context.Request.Method))
        {
            await DeleteAsync(context, () => repository.Blobs.TryRemove(digest, out _));
        }
        else if (Behaviour.Store is { } store && HttpMethods.IsGet(context.Request.Method))
        {
            store.Repository("store").Blobs[digest] = content;
            context.Response.StatusCode = Behaviour.RedirectStatus;
            context.Response.Headers.Location = $"{store.Address}store/{digest}?signature=secret";
        }
        else
        {
            await SendBlobAsync(context, digest, content);
        }
    }

    private async Task StoreAsync(HttpContext context, string reference)
    {
        if (Digest.TryParse(reference, out Digest digest) && registry.Repository("store").Blobs.TryGetValue(digest, out byte[]? content))
        {
            await SendBlobAsync(context, digest, content);
        }
        else
        {
            context.Response.StatusCode = 403;
        }
    }

    private async Task SendBlobAsync(HttpContext context, Digest digest, byte[] content)
    {
        HttpResponse response = context.Response;
        response.Headers["Docker-Content-Digest"] = digest.ToString();
        response.ContentType = "application/octet-stream";
        ReadOnlyMemory<byte> part = content;
        if (Behaviour.Ranges && context.Request.Headers.Range.ToString() is { Length: > 0 } range)
        {
            string[] ends = range["bytes=".Length..].Split('-');
            int from = int.Parse(ends[0], CultureInfo.InvariantCulture);
            int to = ends[1].Length == 0 ? content.Length - 1 : Math.Min(int.Parse(ends[1], CultureInfo.InvariantCulture), content.Length - 1);
            if (from >= content.Length)
            {
                response.StatusCode = 416;
                return;
            }

            response.StatusCode = 206;
            response.Headers.ContentRange = $"bytes {from}-{to}/{content.Length}";
            part = content.AsMemory(from, to - from + 1);
        }

        if (!Behaviour.ChunkedBlobs)
        {
            response.ContentLength = Behaviour.LyingLength ?? part.Length;
        }

        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        if (Behaviour.CutDownloadsAfter < part.Length && Behaviour.TakeCut())
        {
            await response.Body.WriteAsync(part[..Behaviour.CutDownloadsAfter]);
            await response.Body.FlushAsync();
            context.Abort();
            return;
        }

        if (Behaviour.LyingLength is { } length && length != part.Length)
        {
            // Kestrel would not let us lie: send what fits, then break off.
            await response.Body.WriteAsync(part[..(int)Math.Min(length, part.Length)]);
            await response.Body.FlushAsync();
            context.Abort();
            return;
        }

        await response.Body.WriteAsync(part, context.RequestAborted);
    }

    private async Task DeleteAsync(HttpContext context, Action delete)
    {
        if (!Behaviour.Deletes)
        {
            await ErrorAsync(context, 405, "UNSUPPORTED", "The operation is unsupported.");
            return;
        }

        delete();
        context.Response.StatusCode = 202;
    }

    private async Task TagsAsync(HttpContext context, string name)
    {
        if (!registry.Repositories.TryGetValue(name, out TestRepository? repository))
        {
            await ErrorAsync(context, 404, "NAME_UNKNOWN", "repository name not known to registry");
            return;
        }

        string last = context.Request.Query["last"].ToString();
        int asked = int.TryParse(context.Request.Query["n"], CultureInfo.InvariantCulture, out int n) ? n : int.MaxValue;
        string[] rest = [.. repository.Tags.Keys.Order(StringComparer.Ordinal).Where(tag => string.CompareOrdinal(tag, last) > 0)];
        string[] page = [.. rest.Take(Math.Min(asked, Behaviour.PageSize))];
        if (page.Length < rest.Length || Behaviour.LinkLoops)
        {
            string from = Behaviour.LinkLoops ? last : page[^1];
            string address = Behaviour.AbsoluteLinks ? registry.Address.ToString().TrimEnd('/') : "";
            context.Response.Headers.Link = $"<{address}/v2/{name}/tags/list?last={from}&n={page.Length}>; rel=\"next\"";
        }

        string tags = string.Join(',', page.Select(tag => $"\"{tag}\""));
        await context.Response.WriteAsync($$"""{"name":"{{name}}","tags":[{{tags}}]}""");
    }

    private async Task ReferrersAsync(HttpContext context, string name, string reference)
    {
        if (!Behaviour.Referrers)
        {
            context.Response.StatusCode = 404;
            return;
        }

        string type = context.Request.Query["artifactType"].ToString();
        IEnumerable<Descriptor> referrers = registry.Repository(name).Manifests
            .Where(manifest => SubjectOf(manifest.Value.MediaType, manifest.Value.Content)?.Digest.ToString() == reference)
            .Select(manifest => Describe(manifest.Key, manifest.Value.MediaType, manifest.Value.Content));
        if (type.Length > 0 && Behaviour.ReferrersFilter)
        {
            referrers = referrers.Where(referrer => referrer.ArtifactType == type);
            context.Response.Headers["OCI-Filters-Applied"] = "artifactType";
        }

        context.Response.ContentType = MediaTypes.OciIndex;
        var index = new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [.. referrers] };
        await context.Response.WriteAsync(Encoding.UTF8.GetString(index.ToJson()));
    }

    private static Descriptor Describe(Digest digest, string mediaType, byte[] content)
    {
        ImageManifest manifest = ImageManifest.Parse(content, mediaType);
        return new Descriptor
        {
            MediaType = mediaType,
            Digest = digest,
            Size = content.Length,
            ArtifactType = manifest.ArtifactType ?? manifest.Config.MediaType,
            Annotations = manifest.Annotations ?? ImmutableSortedDictionary<string, string>.Empty,
        };
    }

    private static Descriptor? SubjectOf(string mediaType, byte[] content) =>
        mediaType == MediaTypes.OciManifest ? ImageManifest.Parse(content, mediaType).Subject
        : mediaType == MediaTypes.OciIndex ? ImageIndex.Parse(content, mediaType).Subject
        : null;

    internal static Digest DigestOf(string algorithm, byte[] content)
    {
        using System.Security.Cryptography.IncrementalHash hash = Digest.CreateHash(algorithm);
        hash.AppendData(content);
        return Digest.FromHash(algorithm, hash.GetHashAndReset());
    }
}
