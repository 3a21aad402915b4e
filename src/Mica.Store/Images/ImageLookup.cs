using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// What a user's word for an image leads to. <paramref name="Roots"/>: the best match first. <paramref name="Name"/>: the name
/// in full, when it was one; <paramref name="Repository"/>: the repository, when it was <c>repository@digest</c>;
/// <paramref name="Id"/>: the image ID, when it was that or the beginning of it.
/// </summary>
internal sealed record ImageMatch(ImmutableArray<Digest> Roots, string? Name = null, string? Repository = null, Digest? Id = null)
{
    public Digest Root => Roots[0];

    /// <summary>Given by ID or digest, not by a name.</summary>
    public bool IsById => Name is null && Repository is null;
}

/// <summary>
/// Finds images by what users type, in docker's order: a full ID; a name, whose tag is <c>latest</c> when it has none, or
/// <c>repository@digest</c>; the beginning of an ID. Beyond docker, the digest of a manifest or index.
/// </summary>
internal static class ImageLookup
{
    private const string ByConfig = """
        SELECT v.root FROM manifests m JOIN variants v ON v.manifest = m.digest JOIN roots r ON r.digest = v.root
        WHERE m.config = ?1
        GROUP BY v.root
        ORDER BY max(r.primary_manifest = m.digest) DESC, EXISTS(SELECT 1 FROM names n WHERE n.target = v.root) DESC, r.added DESC
        """;

    private const string ByManifest = """
        SELECT v.root FROM variants v JOIN roots r ON r.digest = v.root WHERE v.manifest = ?1 OR v.root = ?1
        GROUP BY v.root ORDER BY v.root = ?1 DESC, r.added DESC LIMIT 1
        """;

    // U+007E sorts behind every hex digit.
    private const string ConfigsFrom = "SELECT DISTINCT config FROM manifests WHERE config >= ?1 AND config < ?1 || '~' LIMIT 5";

    private const string RootsFrom = "SELECT digest FROM roots WHERE digest >= ?1 AND digest < ?1 || '~' LIMIT 5";

    /// <summary>Null: there is no such image.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: the beginning of several IDs.</exception>
    public static ImageMatch? Find(Database database, string text)
    {
        if (Digest.TryParse(text, out Digest digest) || Digest.TryParse($"{Digest.Sha256}:{text}", out digest))
        {
            return ById(database, digest);
        }

        if (ImageReference.TryParse(text, out ImageReference? reference) && ByReference(database, reference.WithDefaultTag()) is { } named)
        {
            return named;
        }

        string prefix = text.StartsWith("sha256:", StringComparison.Ordinal) ? text["sha256:".Length..] : text;
        return prefix.Length is > 0 and < 64 && prefix.All(char.IsAsciiHexDigitLower) ? ByPrefix(database, prefix) : null;
    }

    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>, with docker's words.</exception>
    public static ImageMatch Get(Database database, string text) => Find(database, text)
        ?? throw new MicaException(ErrorKind.NotFound,
            $"No such image: {(ImageReference.TryParse(text, out ImageReference? reference) ? reference.WithDefaultTag().Familiar : Printable.Of(text))}");

    /// <summary>The document that a name stands for, or that has the digest.</summary>
    public static Descriptor? Resolve(Database database, string reference)
    {
        if (!Digest.TryParse(reference, out Digest digest))
        {
            if (!ImageReference.TryParse(reference, out ImageReference? name)
                || ByReference(database, name.WithDefaultTag()) is not { } match)
            {
                return null;
            }

            digest = match.Root;
        }

        using Statement row = database.Use("SELECT media_type, size FROM blobs WHERE digest = ?1");
        return row.Bind(1, digest).Step() && MediaTypes.IsDocument(row.Text(0))
            ? new Descriptor { Digest = digest, MediaType = row.Text(0), Size = row.Long(1) }
            : null;
    }

    private static ImageMatch? ById(Database database, Digest digest)
    {
        ImmutableArray<Digest> roots = Digests(database, ByConfig, digest.ToString());
        if (!roots.IsEmpty)
        {
            return new ImageMatch(roots, Id: digest);
        }

        roots = Digests(database, ByManifest, digest.ToString());
        return roots.IsEmpty ? null : new ImageMatch(roots);
    }

    private static ImageMatch? ByReference(Database database, ImageReference reference)
    {
        if (reference.Digest is { } digest)
        {
            using Statement pinned = database.Use("SELECT 1 FROM repository_digests WHERE repository = ?1 AND digest = ?2");
            return pinned.Bind(1, reference.Name).Bind(2, digest).Step() ? new ImageMatch([digest], Repository: reference.Name) : null;
        }

        using Statement named = database.Use("SELECT target FROM names WHERE name = ?1");
        return named.Bind(1, reference.ToString()).Step() ? new ImageMatch([named.Digest(0)], Name: reference.ToString()) : null;
    }

    private static ImageMatch? ByPrefix(Database database, string prefix)
    {
        string from = $"{Digest.Sha256}:{prefix}";
        ImmutableArray<Digest> found = Digests(database, ConfigsFrom, from);
        if (found.Length == 0)
        {
            found = Digests(database, RootsFrom, from);
        }

        return found.Length <= 1
            ? found.Length == 0 ? null : ById(database, found[0])
            : throw new MicaException(ErrorKind.InvalidArgument,
                $"image id \"{prefix}\" is ambiguous: {string.Join(", ", found.Select(digest => digest.Short))} begin so");
    }

    private static ImmutableArray<Digest> Digests(Database database, string sql, string value)
    {
        ImmutableArray<Digest>.Builder digests = ImmutableArray.CreateBuilder<Digest>();
        using Statement statement = database.Use(sql);
        statement.Bind(1, value);
        while (statement.Step())
        {
            digests.Add(statement.Digest(0));
        }

        return digests.ToImmutable();
    }
}
