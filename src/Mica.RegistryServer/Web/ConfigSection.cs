using System.Collections.Immutable;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mica.Oci;

namespace Mica.RegistryServer.Web;

/// <summary>The config of an image: what runs, as whom, where, with what around it.</summary>
internal static class ConfigSection
{
    private const int MaxRows = 500;
    private const int MaxText = 4000;

    public static void Write(WebPage page, ImageView view)
    {
        if (view.ConfigProblem is { } problem)
        {
            page.Html.Write($"<section aria-labelledby=\"config\"><h2 id=\"config\">Config</h2>\n<p class=\"nothing\">{problem}</p></section>\n");
        }

        if (view.Config is not { } config)
        {
            return;
        }

        ContainerConfig container = config.Config ?? new ContainerConfig();
        page.Html.Write($"<section aria-labelledby=\"config\"><h2 id=\"config\">Config</h2>\n<dl class=\"config\">\n");
        Row(page, "Entrypoint", Words(container.Entrypoint));
        Row(page, "Command", Words(container.Cmd));
        Row(page, "User", container.User);
        Row(page, "Directory", container.WorkingDir);
        Row(page, "Ports", List(container.ExposedPorts?.Keys));
        Row(page, "Volumes", List(container.Volumes?.Keys));
        Row(page, "Health check", Words(container.Healthcheck?.Test));
        Row(page, "Stop signal", container.StopSignal);
        Row(page, "Shell", Words(container.Shell));
        Row(page, "Author", config.Author);
        Row(page, "Made with", config.DockerVersion is { Length: > 0 } version ? "docker " + version : null);
        page.Html.Write($"<div><dt>Config digest</dt><dd>");
        page.ShortDigest(view.Manifest!.Config.Digest);
        page.Html.Write($"</dd></div>\n</dl>\n</section>\n");
        WriteTexts(page, "environment", "Environment", (container.Env ?? []).Select(Variable));
        WriteTexts(page, "labels", "Labels", container.Labels?.AsEnumerable() ?? []);
    }

    /// <summary>A table of names and texts; nothing when there are none.</summary>
    public static void WriteTexts(WebPage page, string id, string title, IEnumerable<KeyValuePair<string, string>> texts)
    {
        KeyValuePair<string, string>[] rows = [.. texts.Take(MaxRows + 1)];
        if (rows.Length == 0)
        {
            return;
        }

        HtmlWriter html = page.Html;
        html.Write($"""
            <section aria-labelledby="{id}"><h2 id="{id}">{title}</h2>
            <table class="list texts"><caption class="sr">{title}</caption>
            <thead class="sr"><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead>
            <tbody>

            """);
        foreach ((string name, string text) in rows.Take(MaxRows))
        {
            html.Write($"<tr><th scope=\"row\"><code>{Cut(name)}</code></th><td>");
            if (IsAddress(text))
            {
                html.Write($"<a href=\"{text}\" rel=\"noopener noreferrer nofollow\"><code>{text}</code></a>");
            }
            else
            {
                html.Write($"<code>{Cut(text)}</code>");
            }

            html.Write($"</td></tr>\n");
        }

        html.Write($"</tbody></table>\n");
        if (rows.Length > MaxRows)
        {
            html.Write($"<p class=\"nothing\">Only the first {MaxRows} are shown.</p>\n");
        }

        html.Write($"</section>\n");
    }

    /// <summary>An address of the web, and of nothing else: no script, no file.</summary>
    private static bool IsAddress(string text) =>
        text.Length < 2000 && (text.StartsWith("https://", StringComparison.Ordinal) || text.StartsWith("http://", StringComparison.Ordinal))
        && !text.Any(c => c is <= ' ' or > '~') && Uri.TryCreate(text, UriKind.Absolute, out _);

    private static void Row(WebPage page, string name, string? text)
    {
        if (!string.IsNullOrEmpty(text))
        {
            page.Html.Write($"<div><dt>{name}</dt><dd><code>{Cut(text)}</code></dd></div>\n");
        }
    }

    private static KeyValuePair<string, string> Variable(string text)
    {
        int end = text.IndexOf('=', StringComparison.Ordinal);
        return end < 0 ? new(text, "") : new(text[..end], text[(end + 1)..]);
    }

    private static string? List(IEnumerable<string>? names) => names is null ? null : string.Join("  ", names.Take(MaxRows));

    /// <summary>An argument vector as JSON, as a Dockerfile has it.</summary>
    private static string? Words(ImmutableArray<string>? words)
    {
        if (words is not { IsDefaultOrEmpty: false } some)
        {
            return null;
        }

        var text = new StringBuilder("[");
        foreach (string word in some.Take(MaxRows))
        {
            text.Append(text.Length > 1 ? ", " : "").Append('"').Append(JsonEncodedText.Encode(word, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)).Append('"');
        }

        return text.Append(']').ToString();
    }

    private static string Cut(string text) => text.Length <= MaxText ? text : text[..MaxText] + "…";
}
