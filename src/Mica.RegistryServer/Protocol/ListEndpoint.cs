using System.Globalization;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Protocol;

/// <summary>
/// Tags, referrers and repositories, a page at a time. OCI distribution-spec v1.1, #listing-tags, #listing-referrers; the
/// catalog is docker's.
/// </summary>
internal sealed class ListEndpoint(MetadataDatabase metadata, AccessPolicy access)
{
    private const long MaxCount = 10_000;
    private const long DefaultCatalog = 1000;
    private const int ReferrersPage = 1000;

    /// <summary>Clients read 4 MiB of an index; a character has four bytes at most.</summary>
    private const long ReferrersCharacters = 1 << 20;
    private const long ReferrerCharacters = 512;

    public async Task TagsAsync(ProtocolRequest request)
    {
        RequireGet(request);
        long count = Count(request, MaxCount);
        string last = request.Query("last") ?? "";
        List<string>? fetched = request.Upstream is { } upstream
            ? await upstream.Upstreams.Lists.TagsAsync(request, upstream, last, count + 1)
            : null;
        List<string> tags = fetched ?? await metadata.ReadAsync(
            async session => await RepositoryRows.FindAsync(session, request.Repository) is { } id
                ? await TagRows.ListAsync(session, id, last, count + 1)
                : throw new RefusedException(ErrorCode.NameUnknown, $"there is no repository {request.Repository}"),
            request.Aborted);
        if (Cut(tags, count))
        {
            Link(request, $"/v2/{request.Repository}/tags/list?n={count}&last={Uri.EscapeDataString(tags[^1])}");
        }

        await JsonAnswer.SendAsync(request.Context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("name", request.Upstream?.Asked ?? request.Repository);
            Strings(writer, "tags", tags);
            writer.WriteEndObject();
        });
    }

    /// <summary>The repositories that the asker may read.</summary>
    public async Task CatalogAsync(ProtocolRequest request)
    {
        RequireGet(request);
        long count = Count(request, DefaultCatalog);
        string last = request.Query("last") ?? "";
        var names = new List<string>();

        // Who may read few of many repositories must not cost a question for each.
        long size = access.IsOpen ? count + 1 : Math.Max(count + 1, DefaultCatalog);
        while (names.Count <= count)
        {
            List<string> page = await metadata.ReadAsync(session => RepositoryRows.ListAsync(session, last, size), request.Aborted);
            names.AddRange(page.Where(name => access.Allows(request.Principal, name, Rights.Read)));
            if (page.Count < size)
            {
                break;
            }

            last = page[^1];
        }

        if (Cut(names, count) && names.Count > 0)
        {
            Link(request, $"/v2/_catalog?n={count}&last={Uri.EscapeDataString(names[^1])}");
        }

        await JsonAnswer.SendAsync(request.Context, writer =>
        {
            writer.WriteStartObject();
            Strings(writer, "repositories", names);
            writer.WriteEndObject();
        });
    }

    public async Task ReferrersAsync(ProtocolRequest request)
    {
        RequireGet(request);
        Digest subject = request.Digest;
        string? artifactType = request.Query("artifactType");
        string last = request.Query("last") ?? "";
        List<Referrer>? fetched = request.Upstream is { } upstream
            ? await upstream.Upstreams.Lists.ReferrersAsync(request, upstream, subject, artifactType, last, ReferrersPage + 1)
            : null;
        (List<Referrer> referrers, bool hasMore) = fetched is null
            ? await StoredReferrersAsync(request, subject, artifactType, last)
            : PageOf(fetched);
        if (artifactType is not null)
        {
            request.Response.Headers["OCI-Filters-Applied"] = "artifactType";
        }

        if (hasMore && referrers.Count > 0)
        {
            string filter = artifactType is null ? "" : $"&artifactType={Uri.EscapeDataString(artifactType)}";
            Link(request, $"/v2/{request.Repository}/referrers/{subject}?last={Uri.EscapeDataString(referrers[^1].Digest.ToString())}{filter}");
        }

        await JsonAnswer.SendAsync(
            request.Context,
            writer =>
            {
                writer.WriteStartObject();
                writer.WriteNumber("schemaVersion", 2);
                writer.WriteString("mediaType", MediaTypes.OciIndex);
                writer.WriteStartArray("manifests");
                foreach (Referrer referrer in referrers)
                {
                    Write(writer, referrer);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            },
            MediaTypes.OciIndex);
    }

    private async Task<(List<Referrer> Page, bool HasMore)> StoredReferrersAsync(
        ProtocolRequest request, Digest subject, string? artifactType, string last) => await metadata.ReadAsync(
        async session =>
        {
            List<long> sizes = await ManifestRows.ReferrerSizesAsync(
                session, request.Repository, subject, artifactType, last, ReferrersPage + 1);
            int count = PageOf(sizes);
            return (
                await ManifestRows.ReferrersAsync(session, request.Repository, subject, artifactType, last, count),
                sizes.Count > count);
        },
        request.Aborted);

    private static (List<Referrer> Page, bool HasMore) PageOf(List<Referrer> referrers)
    {
        int count = PageOf([.. referrers.Select(referrer => (long)(referrer.Annotations?.Length ?? 0) + (referrer.ArtifactType?.Length ?? 0))]);
        return (referrers[..count], referrers.Count > count);
    }

    /// <summary>How many of the referrers go into one answer: one at least, and no more than clients read.</summary>
    private static int PageOf(List<long> sizes)
    {
        int count = 0;
        long sum = 0;
        while (count < Math.Min(sizes.Count, ReferrersPage) && (count == 0 || sum + sizes[count] + ReferrerCharacters <= ReferrersCharacters))
        {
            sum += sizes[count++] + ReferrerCharacters;
        }

        return count;
    }

    private static void Write(Utf8JsonWriter writer, Referrer referrer)
    {
        writer.WriteStartObject();
        writer.WriteString("mediaType", referrer.MediaType);
        writer.WriteString("digest", referrer.Digest.ToString());
        writer.WriteNumber("size", referrer.Size);
        if (referrer.ArtifactType is not null)
        {
            writer.WriteString("artifactType", referrer.ArtifactType);
        }

        if (referrer.Annotations is not null)
        {
            writer.WritePropertyName("annotations");
            writer.WriteRawValue(referrer.Annotations);
        }

        writer.WriteEndObject();
    }

    private static void RequireGet(ProtocolRequest request)
    {
        if (request.Request.Method is not ("GET" or "HEAD"))
        {
            throw request.MethodNotAllowed("GET, HEAD");
        }
    }

    /// <summary>The query's <c>n</c>; more than a page is cut to one.</summary>
    private static long Count(ProtocolRequest request, long most)
    {
        if (request.Query("n") is not { } text)
        {
            return most;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long count)
            ? Math.Min(count, MaxCount)
            : throw new RefusedException(ErrorCode.PaginationInvalid, $"n has to be a number, not \"{Printable.Of(text)}\"");
    }

    /// <summary>Drops what does not belong to the page; true when there is more.</summary>
    private static bool Cut<T>(List<T> items, long count)
    {
        bool isLong = items.Count > count;
        if (isLong)
        {
            items.RemoveRange((int)count, items.Count - (int)count);
        }

        return isLong && count > 0;
    }

    private static void Link(ProtocolRequest request, string address) => request.Response.Headers.Link = $"<{address}>; rel=\"next\"";

    private static void Strings(Utf8JsonWriter writer, string name, List<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }
}
