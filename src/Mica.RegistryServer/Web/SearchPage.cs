using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary>
/// <c>/search?q=</c>: repositories with the text in their names, tags that begin with it, what has a digest that begins with
/// it, and the image that it names as a whole.
/// </summary>
internal static class SearchPage
{
    private const int LookedAt = 500;
    private const int Shown = 50;
    private const int ShortestDigest = 6;

    public static async Task WriteAsync(
        WebPage page, MetadataDatabase metadata, AccessPolicy access, ReadableRepositories readable, CancellationToken cancellationToken)
    {
        string text = page.Query("q").Trim();
        if (text.Length == 0)
        {
            page.Begin("Search");
            page.Html.Write($"<h1>Search</h1>\n<p class=\"nothing\">Type a part of a repository's name, the beginning of a tag, or a digest into the field above.</p>\n");
            page.End();
            return;
        }

        NamePage names = await readable.ListAsync(page.Principal, text, "", isBackwards: false, Shown, cancellationToken);
        string digest = DigestStart(text);
        WebPath? whole = Whole(page, text) is { } named && access.Allows(page.Principal, named.Repository, Rights.Read) ? named : null;
        var found = await metadata.ReadAsync(
            async session => new Found(
                names.Names.Count == 0 ? [] : await WebQueries.FiguresAsync(session, names.Names),
                whole is { } image
                    ? await ImageQueries.FindAsync(session, image.Repository, image.Reference) is { } shown
                        ? [(image.Repository, image.Reference, shown.Digest, shown.Pushed)]
                        : []
                    : Readable(await WebQueries.TagsLikeAsync(session, text, LookedAt), tag => tag.Repository),
                digest.Length == 0 ? [] : Readable(await WebQueries.ManifestsLikeAsync(session, digest, LookedAt), manifest => manifest.Repository),
                digest.Length == 0 ? [] : Readable(await WebQueries.BlobsLikeAsync(session, digest, LookedAt), blob => blob.Repository)),
            cancellationToken);

        page.Begin($"Search: {text}", text);
        page.Html.Write($"<h1>Results for “{text}”</h1>\n");
        if (found is { Repositories: [], Tags: [], Manifests: [], Blobs: [] })
        {
            page.Html.Write($"<p class=\"nothing\">No repository has this in its name, and no tag or digest begins with it.</p>\n");
        }

        if (found.Repositories.Count > 0)
        {
            page.Html.Write($"<section aria-labelledby=\"repositories\"><h2 id=\"repositories\">Repositories</h2>\n");
            RepositoriesPage.WriteList(page, found.Repositories, text);
            if (names.After is not null)
            {
                page.Html.Write($"<p><a href=\"/?q={Uri.EscapeDataString(text)}\">All repositories with “{text}” in their names</a></p>\n");
            }

            page.Html.Write($"</section>\n");
        }

        WriteTags(page, found);
        WriteDigests(page, found);
        page.End();

        List<T> Readable<T>(List<T> rows, Func<T, string> repository) =>
            [.. rows.Where(row => access.Allows(page.Principal, repository(row), Rights.Read)).Take(Shown)];
    }

    /// <summary>What the digest begins with that is meant; empty when it is none.</summary>
    private static string DigestStart(string text)
    {
        if (text.Length > 140)
        {
            return "";
        }

        string hex = text.StartsWith("sha256:", StringComparison.Ordinal) || text.StartsWith("sha512:", StringComparison.Ordinal) ? text[7..] : text;
        return hex.Length >= ShortestDigest && hex.All(char.IsAsciiHexDigitLower) ? text.Contains(':', StringComparison.Ordinal) ? text : "sha256:" + text : "";
    }

    /// <summary>A tag or digest with its repository, as clients take it: with the address of this registry or without.</summary>
    private static WebPath? Whole(WebPage page, string text)
    {
        string name = text.StartsWith(page.Host + "/", StringComparison.Ordinal) ? text[(page.Host.Length + 1)..] : text;
        return !name.StartsWith(Digest.Sha256 + ":", StringComparison.Ordinal) && WebPath.Parse(WebPath.Of(name)) is { Kind: WebPathKind.Image } path ? path : null;
    }

    private static void WriteTags(WebPage page, Found found)
    {
        if (found.Tags.Count == 0)
        {
            return;
        }

        page.Html.Write($"""
            <section aria-labelledby="tags"><h2 id="tags">Tags</h2>
            <table class="list brief"><caption class="sr">Tags</caption>
            <thead><tr><th scope="col">Image</th><th scope="col">Digest</th><th scope="col">Pushed</th></tr></thead>
            <tbody>

            """);
        foreach ((string repository, string tag, Digest digest, long moved) in found.Tags)
        {
            page.Html.Write($"<tr><th scope=\"row\"><a href=\"{(Digest.TryParse(tag, out _) ? WebPath.Of(repository, digest) : WebPath.Of(repository, tag))}\">");
            page.Name(repository);
            page.Html.Write($"<span class=\"tag\">{(Digest.TryParse(tag, out _) ? "@" + digest.Short : ":" + tag)}</span></a></th><td data-label=\"Digest\">");
            page.ShortDigest(digest);
            page.Html.Write($"</td><td data-label=\"Pushed\">");
            page.Time(moved);
            page.Html.Write($"</td></tr>\n");
        }

        page.Html.Write($"</tbody></table></section>\n");
    }

    private static void WriteDigests(WebPage page, Found found)
    {
        if (found is { Manifests: [], Blobs: [] })
        {
            return;
        }

        page.Html.Write($"""
            <section aria-labelledby="digests"><h2 id="digests">Digests</h2>
            <table class="list"><caption class="sr">Digests</caption>
            <thead><tr><th scope="col">Repository</th><th scope="col">Digest</th><th scope="col">What</th></tr></thead>
            <tbody>

            """);
        foreach (FoundManifest manifest in found.Manifests)
        {
            Row(manifest.Repository, manifest.Digest, WebPath.Of(manifest.Repository, manifest.Digest), ArtifactKinds.Of(manifest.MediaType, manifest.ArtifactType));
        }

        foreach ((string repository, Digest digest, long size) in found.Blobs)
        {
            Row(repository, digest, null, "Layer or config, " + Words.Size(size));
        }

        page.Html.Write($"</tbody></table></section>\n");

        void Row(string repository, Digest digest, string? link, string what)
        {
            page.Html.Write($"<tr><th scope=\"row\"><a href=\"{link ?? WebPath.Of(repository)}\">");
            page.Name(repository);
            page.Html.Write($"</a></th><td data-label=\"Digest\">");
            page.ShortDigest(digest, link);
            page.Html.Write($"</td><td data-label=\"What\">{what}</td></tr>\n");
        }
    }

    private sealed record Found(
        List<RepositoryFigures> Repositories,
        List<(string Repository, string Tag, Digest Digest, long Moved)> Tags,
        List<FoundManifest> Manifests,
        List<(string Repository, Digest Digest, long Size)> Blobs);
}
