using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary>Where a tag has been: when it moved, by whom, from what to what.</summary>
internal static class HistorySection
{
    public static void Write(WebPage page, ImageView view)
    {
        if (view.History.Count == 0)
        {
            return;
        }

        WriteMoves(page, view.Repository, view.History.Take(ImageView.HistoryRows), view.Present);
        if (view.History.Count > ImageView.HistoryRows)
        {
            long before = view.History[ImageView.HistoryRows - 1].Id;
            page.Html.Write($"<nav class=\"pages\" aria-label=\"History\"><a rel=\"next\" href=\"?before={before}#history\">Older moves →</a></nav>\n");
        }
    }

    /// <summary>The page of a tag that is no more.</summary>
    public static void WriteRemoved(WebPage page, WebPath path, IReadOnlyList<TagMove> moves, IReadOnlySet<Digest> present)
    {
        page.Begin($"{path.Repository}:{path.Reference}");
        page.Trail(path.Repository, path.Reference);
        page.Html.Write($"<div class=\"head\"><div><h1>");
        page.Name(path.Repository);
        page.Html.Write($"<span class=\"tag\">:{path.Reference}</span></h1><p class=\"facts\">This tag was removed ");
        page.Time(moves[0].Moved);
        page.Html.Write($".</p></div></div>\n");
        WriteMoves(page, path.Repository, moves, present);
        page.End();
    }

    /// <summary>All digests of these moves.</summary>
    public static IEnumerable<Digest> Digests(IEnumerable<TagMove> moves) =>
        moves.SelectMany(move => new[] { move.Was, move.Became }).OfType<Digest>();

    private static void WriteMoves(WebPage page, string repository, IEnumerable<TagMove> moves, IReadOnlySet<Digest> present)
    {
        HtmlWriter html = page.Html;
        html.Write($"""
            <section aria-labelledby="history"><h2 id="history">Tag history</h2>
            <table class="list"><caption class="sr">Moves of the tag, newest first</caption>
            <thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">From</th><th scope="col">To</th></tr></thead>
            <tbody>

            """);
        foreach (TagMove move in moves)
        {
            html.Write($"<tr><td data-label=\"When\">");
            page.Time(move.Moved);
            html.Write($"</td><td data-label=\"Who\">{move.Who}</td><td data-label=\"From\">");
            WriteEnd(page, repository, move.Was, "new", present);
            html.Write($"</td><td data-label=\"To\">");
            WriteEnd(page, repository, move.Became, "removed", present);
            html.Write($"</td></tr>\n");
        }

        html.Write($"</tbody></table></section>\n");
    }

    private static void WriteEnd(WebPage page, string repository, Digest? digest, string none, IReadOnlySet<Digest> present)
    {
        if (digest is { } some)
        {
            page.ShortDigest(some, present.Contains(some) ? WebPath.Of(repository, some) : null);
        }
        else
        {
            page.Html.Write($"<span class=\"none\">{none}</span>");
        }
    }
}
