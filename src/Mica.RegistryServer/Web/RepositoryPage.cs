using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary><c>/r/REPOSITORY</c>: its tags.</summary>
internal static class RepositoryPage
{
    private const string ByName = "name";
    private const int ShownPlatforms = 4;

    /// <summary>False: there is no such repository.</summary>
    public static async Task<bool> WriteAsync(
        WebPage page, MetadataDatabase metadata, ConfigBlobs configs, string repository, CancellationToken cancellationToken)
    {
        string filter = page.Query("q").Trim();
        bool byName = page.Query("sort") == ByName;
        long number = Math.Clamp(page.Query("page", 1), 1, int.MaxValue);
        var found = await metadata.ReadAsync(
            async session =>
            {
                if (await RepositoryRows.FindAsync(session, repository) is not { } id
                    || await WebQueries.FiguresAsync(session, [repository]) is not [var figures])
                {
                    return null;
                }

                long count = filter.Length == 0 ? figures.Tags : await WebQueries.CountTagsAsync(session, id, filter);
                return new Found(id, figures, count, await WebQueries.TagsAsync(session, id, filter, byName, (number - 1) * WebQueries.Page));
            },
            cancellationToken);
        if (found is null)
        {
            return false;
        }

        IReadOnlyDictionary<Digest, TagSummary> summaries = await TagSummary.OfAsync(metadata, configs, found.Id, found.Tags, cancellationToken);
        page.Begin(repository);
        page.Trail(repository);
        HtmlWriter html = page.Html;
        html.Write($"<div class=\"head\"><div><h1>");
        page.Name(repository);
        html.Write($"</h1><p class=\"facts\">{Words.Count(found.Figures.Tags, "tag")} · {Words.Size(found.Figures.Size)}");
        if (found.Figures.Pushed is { } pushed)
        {
            html.Write($" · last push ");
            page.Time(pushed);
        }

        html.Write($"</p></div>");
        RepositoriesPage.WriteFilter(page, WebPath.Of(repository), "Filter tags", filter, byName ? ByName : "");
        html.Write($"</div>\n<div id=\"list\">\n");
        if (found.Tags.Count == 0)
        {
            WriteNone(page, found, filter);
        }
        else
        {
            WriteTags(page, repository, found.Tags, summaries, filter, byName);
        }

        WritePaging(page, repository, filter, byName, number, found.Count);
        html.Write($"</div>\n");
        page.End();
        return true;
    }

    private static void WriteNone(WebPage page, Found found, string filter) => page.Html.Write(
        $"<p class=\"nothing\">{(found.Figures.Tags == 0 ? "Nothing here has a tag; what was pushed by its digest can be searched for." : filter.Length > 0 ? $"No tag here has “{filter}” in its name." : "There are no tags on this page.")}</p>\n");

    private static void WriteTags(
        WebPage page, string repository, List<TagFigures> tags, IReadOnlyDictionary<Digest, TagSummary> summaries, string filter, bool byName)
    {
        HtmlWriter html = page.Html;
        html.Write($"<table class=\"list brief\"><caption class=\"sr\">Tags of {repository}</caption>\n<thead><tr>");
        Heading(page, repository, filter, "Tag", isSorted: byName, ByName, "ascending");
        html.Write($"<th scope=\"col\">Digest</th><th scope=\"col\">Platforms</th><th scope=\"col\" class=\"number\">Size</th>");
        Heading(page, repository, filter, "Pushed", isSorted: !byName, "", "descending");
        html.Write($"<th scope=\"col\">Pulled</th></tr></thead>\n<tbody>\n");
        foreach (TagFigures tag in tags)
        {
            TagSummary summary = summaries[tag.Digest];
            html.Write($"<tr><th scope=\"row\"><a href=\"{WebPath.Of(repository, tag.Name)}\" title=\"{tag.Name}\">{Short(tag.Name)}</a>");
            if (tag.Referrers > 0)
            {
                html.Write($" <span class=\"badge\" title=\"signatures, SBOMs and the like\">+{Words.Number(tag.Referrers)}<span class=\"sr\"> referrers</span></span>");
            }

            html.Write($"</th><td data-label=\"Digest\">");
            page.ShortDigest(tag.Digest);
            html.Write($"</td><td data-label=\"Platforms\">");
            WritePlatforms(page, summary);
            html.Write($"</td><td class=\"number\" data-label=\"Size\">");
            page.Size(summary.Smallest, summary.Largest);
            html.Write($"</td><td data-label=\"Pushed\">");
            page.Time(tag.Moved);
            html.Write($"</td><td data-label=\"Pulled\">");
            if (tag.Pulled > 0)
            {
                page.Time(tag.Pulled);
            }
            else
            {
                html.Write($"<span class=\"none\">never</span>");
            }

            html.Write($"</td></tr>\n");
        }

        html.Write($"</tbody></table>\n");
    }

    /// <summary>Tags by which clients attach things have a whole digest in them, of which the beginning will do.</summary>
    private static string Short(string tag)
    {
        const int Start = 19, End = 71;
        return tag.StartsWith("sha256-", StringComparison.Ordinal) && tag.Length >= End ? $"{tag[..Start]}…{tag[End..]}" : tag;
    }

    private static void Heading(WebPage page, string repository, string filter, string text, bool isSorted, string sort, string direction)
    {
        if (isSorted)
        {
            page.Html.Write($"<th scope=\"col\" aria-sort=\"{direction}\">{text}<span class=\"sorted\" aria-hidden=\"true\">{(direction == "ascending" ? "↑" : "↓")}</span></th>");
        }
        else
        {
            page.Html.Write($"<th scope=\"col\"><a href=\"{Address(repository, filter, sort, 1)}\" title=\"Sort by this\">{text}</a></th>");
        }
    }

    private static void WritePlatforms(WebPage page, TagSummary summary)
    {
        HtmlWriter html = page.Html;
        if (summary.Platforms.Count == 0)
        {
            html.Write($"<span class=\"kind\">{summary.Kind}</span>");
            return;
        }

        html.Write($"<span class=\"platforms\">");
        foreach (string platform in summary.Platforms.Take(ShownPlatforms))
        {
            html.Write($"<span class=\"platform\">{platform}</span>");
        }

        if (summary.Platforms.Count > ShownPlatforms)
        {
            html.Write($"<span class=\"platform\" title=\"{string.Join(", ", summary.Platforms.Skip(ShownPlatforms).Take(100))}\">+{summary.Platforms.Count - ShownPlatforms}</span>");
        }

        html.Write($"</span>");
    }

    private static void WritePaging(WebPage page, string repository, string filter, bool byName, long number, long count)
    {
        long last = Math.Max(1, (count + WebQueries.Page - 1) / WebQueries.Page);
        if (last == 1)
        {
            return;
        }

        HtmlWriter html = page.Html;
        string sort = byName ? ByName : "";
        html.Write($"<nav class=\"pages\" aria-label=\"Pages\">");
        if (number > 1)
        {
            html.Write($"<a rel=\"prev\" href=\"{Address(repository, filter, sort, Math.Min(number - 1, last))}\">← Previous</a>");
        }

        long shown = 0;
        foreach (long other in new[] { 1, 2, number - 1, number, number + 1, last - 1, last }.Where(other => other >= 1 && other <= last).Distinct().Order())
        {
            if (other > shown + 1)
            {
                html.Write($"<span class=\"gap\">…</span>");
            }

            if (other == number)
            {
                html.Write($"<span aria-current=\"page\">{other}</span>");
            }
            else
            {
                html.Write($"<a href=\"{Address(repository, filter, sort, other)}\"><span class=\"sr\">Page </span>{other}</a>");
            }

            shown = other;
        }

        if (number < last)
        {
            html.Write($"<a rel=\"next\" href=\"{Address(repository, filter, sort, number + 1)}\">Next →</a>");
        }

        html.Write($"</nav>\n");
    }

    private static string Address(string repository, string filter, string sort, long number)
    {
        string[] query =
        [
            .. filter.Length > 0 ? [$"q={Uri.EscapeDataString(filter)}"] : Array.Empty<string>(),
            .. sort.Length > 0 ? [$"sort={sort}"] : Array.Empty<string>(),
            .. number > 1 ? [$"page={number}"] : Array.Empty<string>(),
        ];
        return WebPath.Of(repository) + (query.Length > 0 ? "?" + string.Join('&', query) : "");
    }

    private sealed record Found(long Id, RepositoryFigures Figures, long Count, List<TagFigures> Tags);
}
