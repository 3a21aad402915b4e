using System.Diagnostics.CodeAnalysis;

namespace Mica.Build;

/// <summary>
/// A directory in a commit of a git repository: <c>https://host/repo.git#ref:directory</c>, or with the query
/// <c>?ref=…&amp;subdir=…</c>.
/// </summary>
/// <param name="Repository">What <c>git fetch</c> takes.</param>
/// <param name="Reference">A branch, a tag or a commit; null for the default branch.</param>
/// <param name="Directory">The directory in it; null for its root.</param>
public sealed record GitAddress(string Repository, string? Reference, string? Directory)
{
    /// <summary>The commit that the reference must be, or the beginning of its name; null for whatever it is.</summary>
    public string? Checksum { get; init; }

    /// <summary>The <c>.git</c> directory is kept.</summary>
    public bool KeepsGitDirectory { get; init; }

    /// <summary>Repositories in the repository are fetched too.</summary>
    public bool HasSubmodules { get; init; } = true;

    /// <summary>False when <paramref name="text"/> is no address of a git repository, such as a path.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out GitAddress? address)
    {
        address = null;
        int hash = text.IndexOf('#', StringComparison.Ordinal);
        string before = hash < 0 ? text : text[..hash];
        string fragment = hash < 0 ? "" : text[(hash + 1)..];
        int question = before.IndexOf('?', StringComparison.Ordinal);
        string repository = question < 0 ? before : before[..question];
        string query = question < 0 ? "" : before[(question + 1)..];
        if (!IsRepository(ref repository))
        {
            return false;
        }

        int colon = fragment.IndexOf(':', StringComparison.Ordinal);
        address = new GitAddress(repository, NullIfEmpty(colon < 0 ? fragment : fragment[..colon]), NullIfEmpty(colon < 0 ? "" : fragment[(colon + 1)..]));
        foreach (string part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] sides = part.Split('=', 2);
            string value = sides.Length == 2 ? Uri.UnescapeDataString(sides[1]) : "";
            switch (sides[0])
            {
                case "ref" or "tag" or "branch":
                    address = address with { Reference = NullIfEmpty(value) };
                    break;
                case "subdir":
                    address = address with { Directory = NullIfEmpty(value) };
                    break;
                case "checksum" or "commit":
                    address = address with { Checksum = NullIfEmpty(value) };
                    break;
                case "keep-git-dir" when bool.TryParse(value, out bool keeps):
                    address = address with { KeepsGitDirectory = keeps };
                    break;
                case "submodules" when bool.TryParse(value, out bool submodules):
                    address = address with { HasSubmodules = submodules };
                    break;
                default:
                    // An address with other words in its query is no git address: the web server gets them.
                    address = null;
                    return false;
            }
        }

        return true;
    }

    /// <summary>The repository without a user's name and password.</summary>
    public string ShownRepository
    {
        get
        {
            int scheme = Repository.IndexOf("://", StringComparison.Ordinal);
            int at = scheme < 0 ? -1 : Repository.LastIndexOf('@');
            return at < 0 ? Repository : Repository[..(scheme + 3)] + Repository[(at + 1)..];
        }
    }

    /// <inheritdoc/>
    public override string ToString() => ShownRepository + (Reference is null && Directory is null ? "" : $"#{Reference}")
        + (Directory is null ? "" : $":{Directory}");

    private static bool IsRepository(ref string text)
    {
        if (text.StartsWith("github.com/", StringComparison.Ordinal))
        {
            text = "https://" + text;
            return true;
        }

        if (text.StartsWith("git://", StringComparison.Ordinal) || text.StartsWith("ssh://", StringComparison.Ordinal))
        {
            return true;
        }

        if (text.StartsWith("http://", StringComparison.Ordinal) || text.StartsWith("https://", StringComparison.Ordinal))
        {
            return text.TrimEnd('/').EndsWith(".git", StringComparison.Ordinal);
        }

        // user@host:path, as scp writes it.
        int at = text.IndexOf('@', StringComparison.Ordinal);
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return at > 0 && colon > at + 1 && !text.AsSpan(0, colon).ContainsAny('/', ' ') && !text.StartsWith('-');
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
