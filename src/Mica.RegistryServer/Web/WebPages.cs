using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Web;

/// <summary>
/// The web page of the registry: HTML made here, which needs no script to be read, and shows nobody a repository that he may
/// not read.
/// </summary>
/// <param name="metadata">What the registry has.</param>
/// <param name="blobs">Configs of images are read from here.</param>
/// <param name="access">Who may read what.</param>
/// <param name="hasLogin">People can log in at <c>/login</c>.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Gets what went wrong.</param>
internal sealed partial class WebPages(
    MetadataDatabase metadata, BlobStore blobs, AccessPolicy access, bool hasLogin, TimeProvider time, ILogger<WebPages> log)
{
    // Styles and scripts are files of this server; an attribute or an element that slipped in from outside does nothing.
    private const string ContentSecurityPolicy =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    private readonly ConfigBlobs _configs = new(blobs);

    /// <summary>Whether the request is for a page.</summary>
    public static bool Takes(HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) && WebPath.IsWeb(request.Path.Value ?? "/");

    /// <summary>Answers a request for a page.</summary>
    public async Task HandleAsync(HttpContext context, Principal principal)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "same-origin";
        string path = context.Request.Path.Value ?? "/";
        if (WebAsset.At(path) is { } asset)
        {
            await asset.SendAsync(context);
            return;
        }

        WebPage NewPage() => new(context, principal, hasLogin, time.GetUtcNow());
        WebPage page = NewPage();
        int status = StatusCodes.Status200OK;
        try
        {
            status = await WriteAsync(page, path, context.RequestAborted);
        }
        catch (Exception failure) when (!context.RequestAborted.IsCancellationRequested)
        {
            page = NewPage();
            status = WriteFailure(page, path, failure);
        }

        // What a page shows is not for others, and changes with every push.
        headers.CacheControl = "private, no-cache";
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.ContentLength = page.Html.Written.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(page.Html.Written, context.RequestAborted);
        }
    }

    private async Task<int> WriteAsync(WebPage page, string path, CancellationToken cancellationToken)
    {
        if (WebPath.Parse(path) is not { } found)
        {
            return NotFound(page);
        }

        var readable = new ReadableRepositories(metadata, access);
        if (found.Kind == WebPathKind.Repositories)
        {
            await RepositoriesPage.WriteAsync(page, metadata, access, readable, cancellationToken);
            return StatusCodes.Status200OK;
        }

        if (found.Kind == WebPathKind.Search)
        {
            await SearchPage.WriteAsync(page, metadata, access, readable, cancellationToken);
            return StatusCodes.Status200OK;
        }

        // What may not be read is not there: the answer does not tell which it is.
        if (!access.Allows(page.Principal, found.Repository, Rights.Read))
        {
            return NotFound(page);
        }

        if (found.Kind == WebPathKind.Repository)
        {
            return await RepositoryPage.WriteAsync(page, metadata, _configs, found.Repository, cancellationToken)
                ? StatusCodes.Status200OK
                : NotFound(page);
        }

        ImageView? image = await ImageView.LoadAsync(
            metadata, _configs, access, page.Principal, found, page.Query("before", long.MaxValue), cancellationToken);
        if (image is not null)
        {
            ImagePage.Write(page, image);
            return StatusCodes.Status200OK;
        }

        List<TagMove> moves = found.Reference.Contains(':', StringComparison.Ordinal) ? [] : await metadata.ReadAsync(
            session => ImageQueries.HistoryAsync(session, found.Repository, found.Reference, long.MaxValue, ImageView.HistoryRows), cancellationToken);
        if (moves.Count == 0)
        {
            return NotFound(page);
        }

        HashSet<Digest> present = await metadata.ReadAsync(
            session => ImageQueries.PresentAsync(session, found.Repository, HistorySection.Digests(moves)), cancellationToken);
        HistorySection.WriteRemoved(page, found, moves, present);
        return StatusCodes.Status404NotFound;
    }

    private static int NotFound(WebPage page)
    {
        WriteNotice(page, "Not found", "There is no such page here", "The address may be mistyped, what it named may have been removed, or you may not read it.");
        return StatusCodes.Status404NotFound;
    }

    private int WriteFailure(WebPage page, string path, Exception failure)
    {
        RefusedException? refused = RefusedException.For(failure);
        int status = refused?.Answer.Status ?? StatusCodes.Status500InternalServerError;
        if (status >= StatusCodes.Status500InternalServerError)
        {
            Failed(log, Printable.Of(path), failure.Message, refused is null ? failure : null);
        }

        // The message may name files of the server, so it stays in the log.
        if (status == StatusCodes.Status503ServiceUnavailable)
        {
            WriteNotice(page, "Unavailable", "The registry cannot answer just now", "Its database or storage is not reachable. Try again in a moment.");
        }
        else
        {
            WriteNotice(page, "Error", "This page could not be made", "Something is wrong in the registry; its log has more.");
        }

        return status;
    }

    private static void WriteNotice(WebPage page, string title, string heading, string text)
    {
        page.Begin(title);
        page.Html.Write($"""
            <div class="notice"><h1>{heading}</h1><p>{text}</p><p><a class="button" href="/">All repositories</a></p></div>

            """);
        page.End();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "page {Path}: {Reason}")]
    private static partial void Failed(ILogger log, string path, string reason, Exception? bug);
}
