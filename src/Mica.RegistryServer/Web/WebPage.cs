using System.Net;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Web;

/// <summary>A page in the making: its frame, and the small parts that all pages are put together from.</summary>
internal sealed class WebPage(HttpContext context, Principal principal, bool hasLogin, DateTimeOffset now)
{
    public HtmlWriter Html { get; } = new();

    public Principal Principal => principal;

    /// <summary>The registry as the browser knows it: a host, with a port unless it is the usual one.</summary>
    public string Host { get; } = context.Request.Host is { HasValue: true } host
        ? host.Value!
        : new IPEndPoint(context.Connection.LocalIpAddress ?? IPAddress.Loopback, context.Connection.LocalPort).ToString();

    /// <summary>A value of the query; empty when it is missing.</summary>
    public string Query(string name) => context.Request.Query.TryGetValue(name, out var values) && values is [{ } value, ..] ? value : "";

    /// <summary>A number of the query.</summary>
    public long Query(string name, long otherwise) =>
        long.TryParse(Query(name), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long number) ? number : otherwise;

    /// <summary>Everything up to the content.</summary>
    /// <param name="title">The window's title.</param>
    /// <param name="search">What stands in the search field.</param>
    public void Begin(string title, string search = "")
    {
        Html.Write($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="robots" content="noindex">
            <title>{title} · {Host}</title>
            <link rel="stylesheet" href="{WebAsset.Style.Path}">
            <link rel="icon" href="{WebAsset.Icon.Path}" type="image/svg+xml">
            <script src="{WebAsset.Script.Path}" defer></script>
            </head>
            <body>
            <a class="skip" href="#main">Skip to the content</a>
            <header class="top"><div class="wide">
            <a class="home" href="/"><img src="{WebAsset.Icon.Path}" alt="" width="24" height="24"><span>{Host}</span></a>
            <form class="search" action="/search" role="search">
            <label class="sr" for="search">Search repositories, tags and digests</label>
            <input id="search" name="q" type="search" value="{search}" placeholder="Search repositories, tags, digests" maxlength="300" autocomplete="off" spellcheck="false">
            </form>

            """);
        Login();
        Html.Write($"</div></header>\n<main id=\"main\" class=\"wide\">\n");
    }

    public void End() => Html.Write($"""
        </main>
        <footer class="wide"><p>Mica registry</p></footer>
        <p id="said" class="sr" role="status"></p>
        </body>
        </html>

        """);

    /// <summary>The way to where one is.</summary>
    public void Trail(string repository, string? last = null)
    {
        Html.Write($"<nav class=\"trail\" aria-label=\"Breadcrumb\"><ol><li><a href=\"/\">Repositories</a></li>");
        if (last is null)
        {
            Html.Write($"<li aria-current=\"page\">{repository}</li></ol></nav>\n");
        }
        else
        {
            Html.Write($"<li><a href=\"{WebPath.Of(repository)}\">{repository}</a></li><li aria-current=\"page\">{last}</li></ol></nav>\n");
        }
    }

    /// <summary>How long ago it was, with the exact time for those who ask.</summary>
    public void Time(DateTimeOffset time) => Html.Write(
        $"<time datetime=\"{Words.Machine(time)}\" title=\"{Words.Plain(time)}\">{Words.Since(time, now)}</time>");

    /// <summary>As <see cref="Time(DateTimeOffset)"/>, from Unix milliseconds.</summary>
    public void Time(long milliseconds) => Time(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds));

    /// <summary>The first digits, with a button that copies all.</summary>
    public void ShortDigest(Digest digest, string? link = null)
    {
        Html.Write($"<span class=\"digest\">");
        if (link is null)
        {
            Html.Write($"<code title=\"{digest}\">{digest.Short}</code>");
        }
        else
        {
            Html.Write($"<a href=\"{link}\"><code title=\"{digest}\">{digest.Short}</code></a>");
        }

        Copy(digest.ToString(), "digest " + digest.Short);
        Html.Write($"</span>");
    }

    /// <summary>A button that copies; it shows itself only where scripts run.</summary>
    public void Copy(string text, string what) => Html.Write(
        $"<button type=\"button\" class=\"copy\" data-copy=\"{text}\" aria-label=\"Copy {what}\" title=\"Copy\" hidden></button>");

    /// <summary>The size of what is pulled; a range when platforms differ.</summary>
    public void Size(long? smallest, long? largest)
    {
        if (smallest is not { } least || largest is not { } most)
        {
            Html.Write($"<span class=\"none\">–</span>");
        }
        else if (Words.Size(least) == Words.Size(most))
        {
            Html.Write($"{Words.Size(most)}");
        }
        else
        {
            Html.Write($"<span title=\"to pull, depending on the platform\">{Words.Size(least)} – {Words.Size(most)}</span>");
        }
    }

    /// <summary>A repository's name, its namespace less loud than its own part.</summary>
    public void Name(string repository)
    {
        int slash = repository.LastIndexOf('/');
        Html.Write($"<span class=\"name\"><span class=\"space\">{repository[..(slash + 1)]}</span>{repository[(slash + 1)..]}</span>");
    }

    /// <summary>Who is logged in, where people can log in at all.</summary>
    private void Login()
    {
        if (!principal.IsAnonymous)
        {
            Html.Write($"<form class=\"login\" action=\"/logout\" method=\"post\"><span>{principal.Name}</span>");
            if (hasLogin)
            {
                Html.Write($" <button type=\"submit\">Log out</button>");
            }

            Html.Write($"</form>\n");
        }
        else if (hasLogin)
        {
            string here = Uri.EscapeDataString(context.Request.Path + context.Request.QueryString.Value);
            Html.Write($"<a class=\"login\" href=\"/login?return={here}\">Log in</a>\n");
        }
    }
}
