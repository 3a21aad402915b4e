using Mica.Cli.Templates;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>The rows of <c>mica images</c>: one for every name, as docker lists them.</summary>
internal static class ImageTable
{
    public const string None = "<none>";
    private const string NotComputed = "N/A";

    public static Listing Of(bool digests) => new("image",
    [
        new("Containers", "CONTAINERS"), new("CreatedAt", "CREATED AT"), new("CreatedSince", "CREATED"), new("Digest", "DIGEST"),
        new("ID", "IMAGE ID"), new("Repository", "REPOSITORY"), new("SharedSize", "SHARED SIZE"), new("Size", "SIZE"),
        new("Tag", "TAG"), new("UniqueSize", "UNIQUE SIZE"),
    ])
    {
        Table = digests
            ? "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
            : "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
        Raw = "repository: {{.Repository}}\n{{if .Tag}}tag: {{.Tag}}\n{{end}}"
            + (digests ? "digest: {{.Digest}}\n" : "") + "image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n",
        RawQuiet = "image_id: {{.ID}}",
    };

    /// <summary>With sizes shared and unique: the rows of <c>system df -v</c>.</summary>
    public static Listing WithUsage { get; } = Of(digests: false) with
    {
        Table = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
    };

    public static IEnumerable<RowValue> Rows(Listing listing, IEnumerable<StoredImage> images, bool truncates, DateTimeOffset now) =>
        Names([.. images]).Select(row => listing.Row(
            NotComputed,
            CreatedAt(row.Image),
            CreatedSince(row.Image, now),
            row.Digest,
            truncates ? ShortId(row.Image.Id) : row.Image.Id.ToString(),
            row.Repository,
            NotComputed,
            HumanSize.Short(row.Image.Size),
            row.Tag,
            NotComputed));

    public static IEnumerable<RowValue> Rows(Listing listing, IEnumerable<ImageUsage> usages, bool truncates, DateTimeOffset now) =>
        usages.Select(usage => (Usage: usage, usage.Image, Name: UsageName(usage.Image))).Select(row => listing.Row(
            row.Image.Containers.ToString(System.Globalization.CultureInfo.InvariantCulture),
            CreatedAt(row.Image),
            CreatedSince(row.Image, now),
            row.Name.Digest,
            truncates ? ShortId(row.Image.Id) : row.Image.Id.ToString(),
            row.Name.Repository,
            HumanSize.Short(row.Usage.SharedSize),
            HumanSize.Short(row.Image.Size),
            row.Name.Tag,
            HumanSize.Short(row.Usage.UniqueSize)));

    /// <summary>Twelve digits of the hex, as docker shortens IDs.</summary>
    public static string ShortId(Digest digest)
    {
        string text = digest.ToString();
        int start = text.IndexOf(':', StringComparison.Ordinal) + 1;
        return text.Substring(start, 12);
    }

    /// <summary>
    /// The rows of images. A push leaves the form in which the repository has an image beside the one that was built; to docker's
    /// users both are one, so the digest is shown with the tag.
    /// </summary>
    private static IEnumerable<(StoredImage Image, string Repository, string Tag, string Digest)> Names(StoredImage[] images)
    {
        (StoredImage Image, string Repository, string Tag, string Digest)[] rows =
            [.. images.SelectMany(image => Names(image), (image, name) => (image, name.Repository, name.Tag, name.Digest))];
        HashSet<(Digest, string)> tagged = [.. rows.Where(row => row.Tag != None && row.Digest == None).Select(row => (row.Image.Id, row.Repository))];
        ILookup<(Digest, string), string> pushed = rows.Where(row => row.Tag == None && row.Digest != None).ToLookup(row => (row.Image.Id, row.Repository), row => row.Digest);
        return rows.Where(row => row.Tag != None || row.Digest == None || !tagged.Contains((row.Image.Id, row.Repository)))
            .Select(row => row.Digest != None || row.Tag == None ? row : (row.Image, row.Repository, row.Tag, pushed[(row.Image.Id, row.Repository)].FirstOrDefault(None)));
    }

    /// <summary>The rows of an image: its names; repositories that have it only by digest; else one without a name.</summary>
    private static IEnumerable<(string Repository, string Tag, string Digest)> Names(StoredImage image)
    {
        HashSet<string> known = [.. image.Repositories];
        string root = image.Root.Digest.ToString();
        var repositories = new HashSet<string>();
        bool any = false;
        foreach (ImageReference name in image.Names.Select(name => name.Reference))
        {
            any = true;
            repositories.Add(name.Name);
            yield return (name.FamiliarName, name.Tag ?? None, known.Contains(name.Name) ? root : None);
        }

        foreach (string repository in image.Repositories.Where(repository => !repositories.Contains(repository)))
        {
            any = true;
            yield return (Familiar(repository), None, root);
        }

        if (!any)
        {
            yield return (None, None, None);
        }
    }

    /// <summary>Docker's <c>df -v</c> has one row for an image, whatever names it has.</summary>
    private static (string Repository, string Tag, string Digest) UsageName(StoredImage image) =>
        image.Names.IsEmpty ? (None, None, "") : Names(image).First();

    private static string Familiar(string repository) =>
        ImageReference.TryParse(repository, out ImageReference? reference) ? reference.FamiliarName : repository;

    private static string CreatedAt(StoredImage image) => image.Created is { } time ? HumanTime.Plain(time) : NotComputed;

    private static string CreatedSince(StoredImage image, DateTimeOffset now) =>
        image.Created is { } time ? HumanTime.Since(time, now) : NotComputed;
}
