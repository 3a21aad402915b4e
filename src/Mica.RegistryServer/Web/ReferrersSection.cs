using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary>What says something about an image: signatures, SBOMs, attestations.</summary>
internal static class ReferrersSection
{
    private const int Shown = 50;

    public static void Write(WebPage page, ImageView view)
    {
        if (view.Referrers.Count == 0 && view.Attached.Count == 0)
        {
            return;
        }

        HtmlWriter html = page.Html;
        html.Write($"""
            <section aria-labelledby="referrers"><h2 id="referrers">Signatures, SBOMs and attestations</h2>
            <table class="list"><caption class="sr">Referrers</caption>
            <thead><tr><th scope="col">What</th><th scope="col">Type</th><th scope="col">Digest</th><th scope="col">Made</th></tr></thead>
            <tbody>

            """);
        foreach (Referrer referrer in view.Referrers.Take(Shown))
        {
            string link = WebPath.Of(view.Repository, referrer.Digest);
            html.Write($"<tr><th scope=\"row\"><a href=\"{link}\">{ArtifactKinds.Of(referrer.MediaType, referrer.ArtifactType)}</a></th>");
            html.Write($"<td data-label=\"Type\"><code class=\"type\">{referrer.ArtifactType ?? referrer.MediaType}</code></td><td data-label=\"Digest\">");
            page.ShortDigest(referrer.Digest, link);
            html.Write($"</td><td data-label=\"Made\">");
            if (Created(referrer.Annotations) is { } created)
            {
                page.Time(created);
            }
            else
            {
                html.Write($"<span class=\"none\">–</span>");
            }

            html.Write($"</td></tr>\n");
        }

        foreach ((string tag, Digest digest, string mediaType) in view.Attached)
        {
            string link = WebPath.Of(view.Repository, tag);
            html.Write($"<tr><th scope=\"row\"><a href=\"{link}\">{ArtifactKinds.OfTag(tag)}</a> <span class=\"badge\">by tag</span></th>");
            html.Write($"<td data-label=\"Type\"><code class=\"type\">{mediaType}</code></td><td data-label=\"Digest\">");
            page.ShortDigest(digest, link);
            html.Write($"</td><td data-label=\"Made\"><span class=\"none\">–</span></td></tr>\n");
        }

        html.Write($"</tbody></table>\n");
        if (view.Referrers.Count > Shown)
        {
            html.Write($"<p><a href=\"/v2/{view.Repository}/referrers/{view.Shown.Digest}\">All of them, as JSON</a></p>\n");
        }

        html.Write($"</section>\n");
    }

    private static DateTimeOffset? Created(string? annotations)
    {
        if (annotations is null)
        {
            return null;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(annotations);
            return document.RootElement.TryGetProperty("org.opencontainers.image.created", out JsonElement created) ? Timestamp.Read(created.GetString()) : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
