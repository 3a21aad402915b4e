using Mica.RegistryServer.Access;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary><c>/</c>: the repositories, and what was pushed last.</summary>
internal static class RepositoriesPage
{
    private const int LookedAt = 1000;
    private const int Recent = 12;

    public static async Task WriteAsync(
        WebPage page, MetadataDatabase metadata, AccessPolicy access, ReadableRepositories readable, CancellationToken cancellationToken)
    {
        string filter = page.Query("q").Trim();
        string before = page.Query("before");
        NamePage names = await readable.ListAsync(
            page.Principal, filter, before.Length > 0 ? before : page.Query("after"), before.Length > 0, WebQueries.Page, cancellationToken);
        List<RepositoryFigures> figures = names.Names.Count == 0
            ? []
            : await metadata.ReadAsync(session => WebQueries.FiguresAsync(session, names.Names), cancellationToken);
        var moves = await metadata.ReadAsync(session => WebQueries.RecentAsync(session, LookedAt), cancellationToken);
        (string Repository, TagMove Move)[] recent =
            [.. moves.Where(move => access.Allows(page.Principal, move.Repository, Rights.Read)).DistinctBy(move => move.Repository).Take(Recent)];

        page.Begin("Repositories");
        bool isEmpty = figures.Count == 0 && filter.Length == 0 && names is { Before: null, After: null };
        if (isEmpty)
        {
            WriteEmpty(page, access);
        }
        else
        {
            HtmlWriter html = page.Html;
            html.Write($"<div class=\"columns\">\n<section aria-labelledby=\"title\">\n<div class=\"head\"><h1 id=\"title\">Repositories</h1>");
            WriteFilter(page, "/", "Filter repositories", filter, sort: "");
            html.Write($"</div>\n<div id=\"list\">\n");
            WriteList(page, figures, filter);
            WritePaging(page, names, filter);
            html.Write($"</div>\n</section>\n");
            WriteRecent(page, recent);
            html.Write($"</div>\n");
        }

        page.End();
    }

    /// <summary>A field that narrows the list beside it; a form without scripts.</summary>
    public static void WriteFilter(WebPage page, string address, string label, string filter, string sort)
    {
        page.Html.Write($"""
            <form class="filter" action="{address}" data-list="list"><label class="sr" for="filter">{label}</label>
            <input id="filter" name="q" type="search" value="{filter}" placeholder="{label}" maxlength="200" autocomplete="off" spellcheck="false">
            """);
        if (sort.Length > 0)
        {
            page.Html.Write($"<input type=\"hidden\" name=\"sort\" value=\"{sort}\">");
        }

        page.Html.Write($"<button type=\"submit\" class=\"sr\">Filter</button></form>");
    }

    public static void WriteList(WebPage page, IEnumerable<RepositoryFigures> figures, string filter)
    {
        HtmlWriter html = page.Html;
        bool isEmpty = true;
        foreach (RepositoryFigures row in figures)
        {
            if (isEmpty)
            {
                html.Write($"""
                    <table class="list brief"><caption class="sr">Repositories</caption>
                    <thead><tr><th scope="col">Name</th><th scope="col" class="number">Tags</th><th scope="col" class="number">Size</th><th scope="col">Last push</th></tr></thead>
                    <tbody>

                    """);
                isEmpty = false;
            }

            html.Write($"<tr><th scope=\"row\"><a href=\"{WebPath.Of(row.Name)}\">");
            page.Name(row.Name);
            html.Write($"</a></th><td class=\"number\" data-label=\"Tags\">{Words.Number(row.Tags)}</td><td class=\"number\" data-label=\"Size\">{Words.Size(row.Size)}</td><td data-label=\"Last push\">");
            if (row.Pushed is { } pushed)
            {
                page.Time(pushed);
            }
            else
            {
                html.Write($"<span class=\"none\">no tags</span>");
            }

            html.Write($"</td></tr>\n");
        }

        if (isEmpty)
        {
            html.Write($"<p class=\"nothing\">No repository here has “{filter}” in its name.</p>\n");
        }
        else
        {
            html.Write($"</tbody></table>\n");
        }
    }

    private static void WritePaging(WebPage page, NamePage names, string filter)
    {
        if (names is { Before: null, After: null })
        {
            return;
        }

        string query = filter.Length > 0 ? $"q={Uri.EscapeDataString(filter)}&" : "";
        page.Html.Write($"<nav class=\"pages\" aria-label=\"Pages\">");
        if (names.Before is { } before)
        {
            page.Html.Write($"<a rel=\"prev\" href=\"/?{query}before={Uri.EscapeDataString(before)}\">← Previous</a>");
        }

        if (names.After is { } after)
        {
            page.Html.Write($"<a rel=\"next\" href=\"/?{query}after={Uri.EscapeDataString(after)}\">Next →</a>");
        }

        page.Html.Write($"</nav>\n");
    }

    private static void WriteRecent(WebPage page, (string Repository, TagMove Move)[] recent)
    {
        if (recent.Length == 0)
        {
            return;
        }

        HtmlWriter html = page.Html;
        html.Write($"<aside aria-labelledby=\"recent\"><h2 id=\"recent\">Recent pushes</h2><ol class=\"feed\">\n");
        foreach ((string repository, TagMove move) in recent)
        {
            html.Write($"<li><a href=\"{WebPath.Of(repository, move.Tag)}\">");
            page.Name(repository);
            html.Write($"<span class=\"tag\">:{move.Tag}</span></a><p>");
            page.Time(move.Moved);
            if (move.Who != Principal.Anonymous.Name)
            {
                html.Write($" by {move.Who}");
            }

            html.Write($"</p></li>\n");
        }

        html.Write($"</ol></aside>\n");
    }

    private static void WriteEmpty(WebPage page, AccessPolicy access)
    {
        if (page.Principal.IsAnonymous && !access.IsOpen)
        {
            page.Html.Write($"""
                <div class="notice"><h1>Welcome</h1>
                <p>This is a container registry. There is nothing in it that can be read without a name: log in to see what is here.</p></div>

                """);
            return;
        }

        page.Html.Write($"""
            <div class="notice"><h1>Nothing here yet</h1>
            <p>What you push to this registry, and may read, is listed here. For example:</p>
            <div class="commands">
            """);
        Command(page, "mica", $"mica push app {page.Host}/team/app");
        Command(page, "docker", $"docker push {page.Host}/team/app");
        page.Html.Write($"</div></div>\n");
    }

    /// <summary>A line for a terminal.</summary>
    public static void Command(WebPage page, string program, string line)
    {
        page.Html.Write($"<div class=\"command\"><code>{line}</code>");
        page.Copy(line, $"the command for {program}");
        page.Html.Write($"</div>\n");
    }
}
