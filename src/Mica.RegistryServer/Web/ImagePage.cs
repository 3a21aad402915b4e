using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mica.Oci;

namespace Mica.RegistryServer.Web;

/// <summary><c>/r/REPOSITORY:TAG</c> and <c>/r/REPOSITORY@DIGEST</c>: an image, an index or an artifact.</summary>
internal static class ImagePage
{
    private const int MaxDocument = 256 << 10;
    private const int ShownLinks = 12;

    public static void Write(WebPage page, ImageView view)
    {
        string last = view.IsTag ? view.Path.Reference : view.Shown.Digest.Short;
        page.Begin(view.IsTag ? $"{view.Repository}:{last}" : $"{view.Repository}@{last}");
        page.Trail(view.Repository, last);
        WriteHead(page, view, last);
        WriteCommands(page, view);
        if (view.Index is { } index)
        {
            PlatformsSection.Write(page, view, index);
        }

        if (view.Manifest is { } manifest)
        {
            LayersSection.Write(page, view, manifest);
        }

        ConfigSection.Write(page, view);
        ReferrersSection.Write(page, view);
        ConfigSection.WriteTexts(page, "annotations", "Annotations", (view.Manifest?.Annotations ?? view.Index?.Annotations)?.AsEnumerable() ?? []);
        if (view.IsTag)
        {
            HistorySection.Write(page, view);
        }

        WriteDocument(page, view);
        page.End();
    }

    private static void WriteHead(WebPage page, ImageView view, string last)
    {
        HtmlWriter html = page.Html;
        html.Write($"<div class=\"head\"><div><h1>");
        page.Name(view.Repository);
        html.Write($"<span class=\"tag\">{(view.IsTag ? ":" : "@")}{last}</span></h1>\n<p class=\"facts\"><span class=\"kind\">{ArtifactKinds.Of(view.Shown.MediaType, view.Shown.ArtifactType)}</span>");
        if (view.Config is { } config)
        {
            html.Write($" <span class=\"platform\">{config.Platform.Normalize().ToString()}</span>");
        }

        html.Write($"</p></div></div>\n<dl class=\"figures\"><div><dt>Digest</dt><dd>");
        page.ShortDigest(view.Shown.Digest);
        html.Write($"</dd></div><div><dt>Size</dt><dd>");
        if (view.Manifest is { } manifest)
        {
            html.Write($"{Words.Size(TagSummary.SizeOf(manifest))}");
        }
        else
        {
            long[] sizes = [.. (view.Index?.Manifests ?? []).Where(entry => entry.Platform is { Os: not "unknown" })
                .Select(entry => view.Children.TryGetValue(entry.Digest.ToString(), out long size) ? size : -1).Where(size => size >= 0)];
            page.Size(sizes.Length > 0 ? sizes.Min() : null, sizes.Length > 0 ? sizes.Max() : null);
        }

        html.Write($"</dd></div>");
        if (Timestamp.Read(view.Config?.Created) is { } created && created.Year > 2000)
        {
            html.Write($"<div><dt>Created</dt><dd>");
            page.Time(created);
            html.Write($"</dd></div>");
        }

        html.Write($"<div><dt>Pushed</dt><dd>");
        page.Time(view.Shown.Pushed);
        html.Write($"</dd></div><div><dt>Pulled</dt><dd>");
        if (view.Shown.Pulled > 0)
        {
            page.Time(view.Shown.Pulled);
            html.Write($" <span class=\"none\">({Words.Count(view.Shown.Pulls, "pull")})</span>");
        }
        else
        {
            html.Write($"<span class=\"none\">never</span>");
        }

        html.Write($"</dd></div>");
        WriteLinks(page, "Also tagged", view.Tags.Where(tag => !view.IsTag || tag != view.Path.Reference).Select(tag => (tag, WebPath.Of(view.Repository, tag))));
        WriteLinks(page, "Part of", view.Parents.Select(parent => (parent.Short, WebPath.Of(view.Repository, parent))));
        if ((view.Manifest?.Subject ?? view.Index?.Subject) is { } subject)
        {
            WriteLinks(page, "About", [(subject.Digest.Short, WebPath.Of(view.Repository, subject.Digest))]);
        }

        html.Write($"</dl>\n");
    }

    private static void WriteLinks(WebPage page, string title, IEnumerable<(string Text, string Address)> links)
    {
        (string Text, string Address)[] all = [.. links];
        if (all.Length == 0)
        {
            return;
        }

        page.Html.Write($"<div><dt>{title}</dt><dd class=\"links\">");
        foreach ((string text, string address) in all.Take(ShownLinks))
        {
            page.Html.Write($"<a href=\"{address}\">{text}</a> ");
        }

        if (all.Length > ShownLinks)
        {
            page.Html.Write($"<span class=\"none\">and more</span>");
        }

        page.Html.Write($"</dd></div>");
    }

    private static void WriteCommands(WebPage page, ImageView view)
    {
        string[] programs = view.IsImage ? ["mica", "docker", "podman"] : ["oras"];
        page.Html.Write($"<section aria-labelledby=\"pull\"><h2 id=\"pull\">Pull</h2>\n<div class=\"commands\">\n");
        foreach (string program in programs)
        {
            RepositoriesPage.Command(page, program, $"{program} pull {page.Host}/{view.Reference}");
        }

        page.Html.Write($"</div>\n");
        if (view.IsTag)
        {
            page.Html.Write($"<details class=\"more\"><summary>By digest, which never changes</summary><div class=\"commands\">\n");
            foreach (string program in programs)
            {
                RepositoriesPage.Command(page, program, $"{program} pull {page.Host}/{view.Repository}@{view.Shown.Digest}");
            }

            page.Html.Write($"</div></details>\n");
        }

        page.Html.Write($"</section>\n");
    }

    private static void WriteDocument(WebPage page, ImageView view)
    {
        string what = MediaTypes.IsIndex(view.Shown.MediaType) ? "Index" : "Manifest";
        page.Html.Write($"""
            <section aria-labelledby="document"><h2 id="document">{what}</h2>
            <p class="facts"><code>{view.Shown.MediaType}</code> · {Words.Size(view.Shown.Content.Length)} · <a href="/v2/{view.Repository}/manifests/{view.Shown.Digest}">exact bytes</a></p>

            """);
        if (view.Shown.Content.Length <= MaxDocument)
        {
            page.Html.Write($"<details class=\"more\"><summary>Show the JSON</summary><pre tabindex=\"0\"><code>{Indented(view.Shown.Content)}</code></pre></details>\n");
        }

        page.Html.Write($"</section>\n");
    }

    private static string Indented(byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            var text = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(text, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            {
                document.WriteTo(writer);
            }

            return Encoding.UTF8.GetString(text.WrittenSpan);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return Encoding.UTF8.GetString(json);
        }
    }
}
