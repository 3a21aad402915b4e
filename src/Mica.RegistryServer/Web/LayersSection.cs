using System.Globalization;
using Mica.Oci;

namespace Mica.RegistryServer.Web;

/// <summary>The layers of an image, each with the line of the history that made it and the repositories that have it too.</summary>
internal static class LayersSection
{
    private const int MaxRows = 500;
    private const int MaxLine = 4000;
    private const int ShownShares = 3;
    private const string TitleAnnotation = "org.opencontainers.image.title";

    public static void Write(WebPage page, ImageView view, ImageManifest manifest)
    {
        (HistoryEntry? Step, Descriptor? Layer)[] rows = [.. Join(view.Config?.History ?? [], manifest.Layers).Take(MaxRows + 1)];
        if (rows.Length == 0)
        {
            return;
        }

        HtmlWriter html = page.Html;
        string title = view.IsImage ? "Layers" : "Files";
        string lines = view.IsImage ? "Made by" : "File";
        long largest = Math.Max(1, manifest.Layers.Select(layer => layer.Size).DefaultIfEmpty().Max());
        html.Write($"""
            <section aria-labelledby="layers"><h2 id="layers">{title} <span class="count">{manifest.Layers.Length}</span></h2>
            <table class="list layers"><caption class="sr">{title}</caption>
            <thead><tr><th scope="col">{lines}</th><th scope="col" class="number">Size</th><th scope="col">Digest</th><th scope="col">Also in</th></tr></thead>
            <tbody>

            """);
        foreach ((HistoryEntry? step, Descriptor? layer) in rows.Take(MaxRows))
        {
            if (layer is null)
            {
                html.Write($"<tr class=\"empty\"><td class=\"line\" colspan=\"4\">");
                WriteLine(page, step!.CreatedBy, step.Comment, "");
                html.Write($"</td></tr>\n");
                continue;
            }

            html.Write($"<tr><td class=\"line\" data-label=\"{lines}\">");
            WriteLine(page, step?.CreatedBy, step?.Comment, Title(layer));
            html.Write($"</td><td class=\"number\" data-label=\"Size\">{Words.Size(layer.Size)}");
            double width = Math.Max(layer.Size > 0 ? 1 : 0, 100.0 * layer.Size / largest);
            html.Write($"<svg class=\"bar\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"{width.ToString("0.#", CultureInfo.InvariantCulture)}\" height=\"4\"/></svg></td><td data-label=\"Digest\">");
            page.ShortDigest(layer.Digest);
            html.Write($"</td><td data-label=\"Also in\">");
            WriteSharing(page, [.. view.Sharing[layer.Digest].Order(StringComparer.Ordinal)]);
            html.Write($"</td></tr>\n");
        }

        html.Write($"</tbody></table>\n");
        if (rows.Length > MaxRows)
        {
            html.Write($"<p class=\"nothing\">Only the first {MaxRows} are shown.</p>\n");
        }

        html.Write($"</section>\n");
    }

    /// <summary>History and layers side by side: the steps that are not empty made the layers in order.</summary>
    private static IEnumerable<(HistoryEntry? Step, Descriptor? Layer)> Join(IReadOnlyList<HistoryEntry> history, IReadOnlyList<Descriptor> layers)
    {
        int next = 0;
        foreach (HistoryEntry step in history)
        {
            if (step.EmptyLayer)
            {
                yield return (step, null);
            }
            else if (next < layers.Count)
            {
                yield return (step, layers[next++]);
            }
        }

        while (next < layers.Count)
        {
            yield return (null, layers[next++]);
        }
    }

    private static string Title(Descriptor layer) =>
        layer.Annotations?.TryGetValue(TitleAnnotation, out string? title) == true ? title : layer.MediaType;

    private static void WriteLine(WebPage page, string? createdBy, string? comment, string otherwise)
    {
        string line = Instruction(createdBy);
        if (line.Length == 0)
        {
            line = comment is { Length: > 0 } ? comment : otherwise;
        }

        page.Html.Write($"<code>{Cut(line)}</code>");
    }

    /// <summary>The line as somebody wrote it, without what the builder put around it.</summary>
    private static string Instruction(string? createdBy)
    {
        const string Shell = "/bin/sh -c ", Nothing = "#(nop)", Run = "RUN ", BuildKit = "# buildkit";
        string line = (createdBy ?? "").Trim();
        line = line.EndsWith(BuildKit, StringComparison.Ordinal) ? line[..^BuildKit.Length].TrimEnd() : line;
        line = line.StartsWith(Run + Shell, StringComparison.Ordinal) ? line[Run.Length..] : line;
        if (!line.StartsWith(Shell, StringComparison.Ordinal))
        {
            return line;
        }

        line = line[Shell.Length..].TrimStart();
        return line.StartsWith(Nothing, StringComparison.Ordinal) ? line[Nothing.Length..].TrimStart() : Run + line;
    }

    private static string Cut(string text) => text.Length <= MaxLine ? text : text[..MaxLine] + "…";

    private static void WriteSharing(WebPage page, string[] repositories)
    {
        HtmlWriter html = page.Html;
        if (repositories.Length == 0)
        {
            html.Write($"<span class=\"none\">–</span>");
            return;
        }

        WriteLinks(page, repositories.Take(ShownShares));
        if (repositories.Length > ShownShares)
        {
            string more = repositories.Length >= ImageQueries.Sharing ? "and more" : $"and {repositories.Length - ShownShares} more";
            html.Write($"<details class=\"inline\"><summary>{more}</summary>");
            WriteLinks(page, repositories.Skip(ShownShares));
            html.Write($"</details>");
        }
    }

    private static void WriteLinks(WebPage page, IEnumerable<string> repositories)
    {
        page.Html.Write($"<ul class=\"shares\">");
        foreach (string repository in repositories)
        {
            page.Html.Write($"<li><a href=\"{WebPath.Of(repository)}\">{repository}</a></li>");
        }

        page.Html.Write($"</ul>");
    }
}
