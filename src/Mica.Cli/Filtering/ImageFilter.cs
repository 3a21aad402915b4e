using System.Collections.Immutable;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Filtering;

/// <summary>
/// Which images a listing shows: docker's filters. Different filters must all hold; of several <c>reference</c> filters one
/// is enough, and only the names that match are shown.
/// </summary>
internal sealed record ImageFilter
{
    /// <summary>True: only images without a name; false: only others; null: both, but see <see cref="All"/>.</summary>
    public bool? Dangling { get; init; }

    /// <summary>With the images that no name and no repository stands for any more.</summary>
    public bool All { get; init; }

    /// <summary><c>key</c> or <c>key=value</c>.</summary>
    public ImmutableArray<string> Labels { get; init; } = [];

    /// <summary>Shell patterns of familiar names, with a tag or without.</summary>
    public ImmutableArray<string> References { get; init; } = [];

    /// <summary>Made before.</summary>
    public DateTimeOffset? Before { get; init; }

    /// <summary>Made after.</summary>
    public DateTimeOffset? Since { get; init; }

    public IEnumerable<StoredImage> Apply(IEnumerable<StoredImage> images) =>
        images.Where(Matches).Select(WithMatchingNames).OfType<StoredImage>();

    private bool Matches(StoredImage image) =>
        (Dangling is { } dangling ? image.IsDangling == dangling : All || !IsForgotten(image))
        && (Before is null || image.Created < Before)
        && (Since is null || image.Created > Since)
        && Labels.All(label => HasLabel(image, label));

    /// <summary>
    /// A name moved on from it, or it never had one. What was pulled by digest has no name either, but its repository's.
    /// </summary>
    private static bool IsForgotten(StoredImage image) =>
        image.IsDangling && (image.Retained is not null || image.Repositories.IsEmpty);

    private static bool HasLabel(StoredImage image, string label)
    {
        int equals = label.IndexOf('=', StringComparison.Ordinal);
        string key = equals < 0 ? label : label[..equals];
        return image.Primary is { } primary && primary.Labels.TryGetValue(key, out string? value)
            && (equals < 0 || value == label[(equals + 1)..]);
    }

    /// <summary>Null when no name matches.</summary>
    private StoredImage? WithMatchingNames(StoredImage image)
    {
        if (References.IsEmpty)
        {
            return image;
        }

        StoredImage matching = image with
        {
            Names = [.. image.Names.Where(name => References.Any(pattern => IsMatch(pattern, name.Reference)))],
            Repositories = [.. image.Repositories.Where(repository => ImageReference.TryParse($"{repository}@{image.Root.Digest}", out ImageReference? reference)
                && References.Any(pattern => IsMatch(pattern, reference)))],
        };
        return matching.Names.IsEmpty && matching.Repositories.IsEmpty ? null : matching;
    }

    private static bool IsMatch(string pattern, ImageReference reference) =>
        GlobPattern.IsMatch(pattern, reference.Familiar) || GlobPattern.IsMatch(pattern, reference.FamiliarName);
}
