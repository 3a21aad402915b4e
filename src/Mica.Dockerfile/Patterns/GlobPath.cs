namespace Mica.Dockerfile;

/// <summary>Paths as text, with the meaning that Go's <c>filepath</c> gives them.</summary>
public static class GlobPath
{
    /// <summary>
    /// The shortest path that means the same: no empty names, no <c>.</c>, no <c>..</c> behind a name; <c>.</c> for nothing.
    /// <c>..</c> above the root are dropped, those at the beginning of a relative path stay.
    /// </summary>
    public static string Clean(string path)
    {
        bool rooted = path.StartsWith('/');
        List<string> names = [];
        foreach (string name in path.Split('/'))
        {
            if (name is "" or ".")
            {
                continue;
            }

            if (name != ".." || (!rooted && (names.Count == 0 || names[^1] == "..")))
            {
                names.Add(name);
            }
            else if (names.Count > 0)
            {
                names.RemoveAt(names.Count - 1);
            }
        }

        string joined = string.Join('/', names);
        return rooted ? "/" + joined : joined.Length == 0 ? "." : joined;
    }

    /// <summary>Whether the text has characters that mean something in a pattern.</summary>
    public static bool HasWildcards(string path) => path.AsSpan().IndexOfAny("*?[\\") >= 0;

    /// <summary>
    /// For <c>COPY --parents</c>: splits a source at its first <c>/./</c> into what is not kept and what is. Without one, all of it
    /// is kept.
    /// </summary>
    public static (string Dropped, string Kept) SplitAtPivot(string source)
    {
        while (source.StartsWith("./", StringComparison.Ordinal))
        {
            source = source[2..];
        }

        int pivot = source.IndexOf("/./", StringComparison.Ordinal);
        return pivot < 0 ? ("", source) : (source[..pivot], source[(pivot + 3)..]);
    }
}
