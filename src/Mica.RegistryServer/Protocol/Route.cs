using System.Text.RegularExpressions;

namespace Mica.RegistryServer.Protocol;

/// <summary>What a path below <c>/v2/</c> is about, or that it is the web page's.</summary>
internal enum RouteKind
{
    Base,
    Blob,
    UploadStart,
    Upload,
    Manifest,
    Tags,
    Referrers,
    Catalog,
    Journal,
    Undo,
    Page,
}

/// <summary>
/// A path of the protocol, taken apart from its end: a repository's name may itself have parts called <c>blobs</c> or
/// <c>manifests</c>. OCI distribution-spec v1.1, #endpoints.
/// </summary>
/// <param name="Kind">The endpoint.</param>
/// <param name="Repository">The name, not yet checked.</param>
/// <param name="Reference">The digest, tag or upload id, not yet checked.</param>
internal readonly partial record struct Route(RouteKind Kind, string Repository, string Reference)
{
    private const string Prefix = "/v2/";
    private const int MaxNameLength = 255;

    /// <summary>The name is one that the specification allows.</summary>
    public bool HasValidName => IsName(Repository);

    /// <summary>Null: there is no such endpoint.</summary>
    public static Route? Parse(string path)
    {
        if (path is "/v2/" or "/v2")
        {
            return new Route(RouteKind.Base, "", "");
        }

        if (path is "/v2/_catalog")
        {
            return new Route(RouteKind.Catalog, "", "");
        }

        if (!path.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        const string Uploads = "/blobs/uploads", Tags = "/tags/list", Journal = "/_mica/journal", Undo = "/_mica/undo";
        string rest = path[Prefix.Length..];
        string open = rest.EndsWith('/') ? rest[..^1] : rest;
        if (open.EndsWith(Uploads, StringComparison.Ordinal))
        {
            return new Route(RouteKind.UploadStart, open[..^Uploads.Length], "");
        }

        if (rest.EndsWith(Tags, StringComparison.Ordinal))
        {
            return new Route(RouteKind.Tags, rest[..^Tags.Length], "");
        }

        if ((Ends(rest, Journal) ?? Ends(rest, Undo)) is { } name)
        {
            return new Route(rest.EndsWith(Undo, StringComparison.Ordinal) ? RouteKind.Undo : RouteKind.Journal, name, "");
        }

        int last = rest.LastIndexOf('/');
        string reference = rest[(last + 1)..];
        string before = last > 0 ? rest[..last] : "";
        return Ends(before, Uploads) is { } upload ? new Route(RouteKind.Upload, upload, reference)
            : Ends(before, "/blobs") is { } blob ? new Route(RouteKind.Blob, blob, reference)
            : Ends(before, "/manifests") is { } manifest ? new Route(RouteKind.Manifest, manifest, reference)
            : Ends(before, "/referrers") is { } referrers ? new Route(RouteKind.Referrers, referrers, reference)
            : null;

        static string? Ends(string text, string end) => text.EndsWith(end, StringComparison.Ordinal) ? text[..^end.Length] : null;
    }

    public static bool IsName(string name) => name.Length is > 0 and <= MaxNameLength && Name().IsMatch(name);

    public static bool IsTag(string tag) => Tag().IsMatch(tag);

    [GeneratedRegex(@"\A[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\z")]
    private static partial Regex Tag();
}
