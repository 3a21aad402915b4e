using Mica.Oci;

namespace Mica.RegistryServer.Web;

/// <summary>What an index is made of: images for platforms, and attestations about them.</summary>
internal static class PlatformsSection
{
    private const int MaxRows = 500;

    // BuildKit's annotations; there is no specification of them.
    private const string ReferenceType = "vnd.docker.reference.type";
    private const string ReferenceDigest = "vnd.docker.reference.digest";

    public static void Write(WebPage page, ImageView view, ImageIndex index)
    {
        HtmlWriter html = page.Html;
        html.Write($"""
            <section aria-labelledby="platforms"><h2 id="platforms">Platforms</h2>
            <table class="list"><caption class="sr">Manifests of this index</caption>
            <thead><tr><th scope="col">Platform</th><th scope="col">Digest</th><th scope="col">Kind</th><th scope="col" class="number">Size</th></tr></thead>
            <tbody>

            """);
        foreach (Descriptor entry in index.Manifests.Take(MaxRows))
        {
            bool isHere = view.Children.TryGetValue(entry.Digest.ToString(), out long size);
            html.Write($"<tr><th scope=\"row\">");
            WriteTitle(page, index, entry, isHere ? WebPath.Of(view.Repository, entry.Digest) : null);
            html.Write($"</th><td data-label=\"Digest\">");
            page.ShortDigest(entry.Digest);
            html.Write($"</td><td data-label=\"Kind\"><span class=\"kind\">{Kind(entry)}</span></td><td class=\"number\" data-label=\"Size\">");
            if (isHere)
            {
                html.Write($"{Words.Size(size)}");
            }
            else
            {
                html.Write($"<span class=\"none\">not here</span>");
            }

            html.Write($"</td></tr>\n");
        }

        html.Write($"</tbody></table>\n");
        if (index.Manifests.Length > MaxRows)
        {
            html.Write($"<p class=\"nothing\">and {Words.Number(index.Manifests.Length - MaxRows)} more</p>\n");
        }

        html.Write($"</section>\n");
    }

    private static string Kind(Descriptor entry) =>
        entry.Annotations?.ContainsKey(ReferenceType) == true ? "Attestation" : ArtifactKinds.Of(entry.MediaType, entry.ArtifactType);

    private static void WriteTitle(WebPage page, ImageIndex index, Descriptor entry, string? link)
    {
        string title = entry.Platform is { Os: not "unknown" } platform
            ? string.Join(' ', new[] { platform.Normalize().ToString(), platform.OsVersion }.Where(part => !string.IsNullOrEmpty(part)))
            : entry.Annotations?.TryGetValue(ReferenceDigest, out string? about) == true
                && index.Manifests.FirstOrDefault(other => other.Digest.ToString() == about)?.Platform is { } of
                ? $"for {of.Normalize()}"
                : "any";
        if (link is null)
        {
            page.Html.Write($"{title}");
        }
        else
        {
            page.Html.Write($"<a href=\"{link}\">{title}</a>");
        }
    }
}
