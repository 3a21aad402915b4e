using Mica.Oci;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Web;

/// <summary>What a path of the web page is about.</summary>
internal enum WebPathKind
{
    Repositories,
    Search,
    Repository,
    Image,
}

/// <summary>A path of the web page. Repositories lie below <c>/r/</c>, with an image behind <c>:TAG</c> or <c>@DIGEST</c>.</summary>
/// <param name="Kind">The page.</param>
/// <param name="Repository">A valid name.</param>
/// <param name="Reference">A valid tag or digest.</param>
internal readonly record struct WebPath(WebPathKind Kind, string Repository = "", string Reference = "")
{
    private const string Prefix = "/r/";

    /// <summary>Paths that belong to other parts of the server.</summary>
    private static readonly string[] s_others = ["/v2", "/metrics", "/healthz", "/readyz", "/token", "/login", "/logout", "/api"];

    /// <summary>Whether the path is the web page's to answer, be it with "there is no such page".</summary>
    public static bool IsWeb(string path) => !path.StartsWith("/v2/", StringComparison.Ordinal) && !s_others.Any(other =>
        path.StartsWith(other, StringComparison.Ordinal) && (path.Length == other.Length || path[other.Length] == '/'));

    /// <summary>Null: there is no such page.</summary>
    public static WebPath? Parse(string path)
    {
        if (path is "/" or "")
        {
            return new WebPath(WebPathKind.Repositories);
        }

        if (path == "/search")
        {
            return new WebPath(WebPathKind.Search);
        }

        if (!path.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        string rest = path[Prefix.Length..].TrimEnd('/');
        int end = rest.IndexOfAny([':', '@']);
        string repository = end < 0 ? rest : rest[..end];
        if (!Route.IsName(repository))
        {
            return null;
        }

        if (end < 0)
        {
            return new WebPath(WebPathKind.Repository, repository);
        }

        string reference = rest[(end + 1)..];
        bool isValid = rest[end] == '@' ? Digest.TryParse(reference, out _) : Route.IsTag(reference);
        return isValid ? new WebPath(WebPathKind.Image, repository, reference) : null;
    }

    public static string Of(string repository) => Prefix + repository;

    public static string Of(string repository, string tag) => $"{Prefix}{repository}:{tag}";

    public static string Of(string repository, Digest digest) => $"{Prefix}{repository}@{digest}";
}
