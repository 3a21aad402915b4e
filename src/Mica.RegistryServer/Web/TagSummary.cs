using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary>What a list says about what a tag stands for.</summary>
/// <param name="Kind">A word for it.</param>
/// <param name="Platforms">On which it runs; empty when that cannot be told.</param>
/// <param name="Smallest">Bytes to pull it, on the platform with the fewest; null when that cannot be told.</param>
/// <param name="Largest">Bytes to pull it, on the platform with the most.</param>
internal sealed record TagSummary(string Kind, IReadOnlyList<string> Platforms, long? Smallest, long? Largest)
{
    /// <summary>Summaries of a page of tags, by their digests.</summary>
    public static async Task<IReadOnlyDictionary<Digest, TagSummary>> OfAsync(
        MetadataDatabase metadata, ConfigBlobs configs, long repository, IReadOnlyList<TagFigures> tags, CancellationToken cancellationToken)
    {
        TagFigures[] different = [.. tags.DistinctBy(tag => tag.Digest)];
        string[] indexes = [.. different.Where(tag => MediaTypes.IsIndex(tag.MediaType)).Select(tag => tag.Digest.ToString())];
        ILookup<string, ChildFigures> children =
            (indexes.Length == 0 ? [] : await metadata.ReadAsync(session => WebQueries.ChildrenAsync(session, repository, indexes), cancellationToken))
            .ToLookup(child => child.Index);
        var manifests = new Dictionary<Digest, ImageManifest>();
        foreach (TagFigures tag in different.Where(tag => MediaTypes.IsManifest(tag.MediaType)))
        {
            if (Try(() => tag.Content is null ? null : ImageManifest.Parse(tag.Content, tag.MediaType)) is { } manifest)
            {
                manifests[tag.Digest] = manifest;
            }
        }

        IReadOnlyDictionary<Digest, string> platforms = await configs.PlatformsAsync(
            metadata,
            repository,
            manifests.Values.Where(manifest => MediaTypes.IsConfig(manifest.Config.MediaType)).Select(manifest => manifest.Config.Digest),
            cancellationToken);
        return different.ToDictionary(
            tag => tag.Digest,
            tag => MediaTypes.IsIndex(tag.MediaType) ? OfIndex(tag, children[tag.Digest.ToString()])
                : manifests.TryGetValue(tag.Digest, out ImageManifest? manifest) ? OfManifest(tag, manifest, platforms)
                : new TagSummary(ArtifactKinds.Of(tag.MediaType, tag.ArtifactType), [], null, null));
    }

    /// <summary>The bytes of a manifest's config and layers, each counted once.</summary>
    public static long SizeOf(ImageManifest manifest) =>
        manifest.Layers.Append(manifest.Config).DistinctBy(part => part.Digest).Sum(part => (double)part.Size) is var sum && sum < long.MaxValue
            ? (long)sum
            : long.MaxValue;

    private static TagSummary OfManifest(TagFigures tag, ImageManifest manifest, IReadOnlyDictionary<Digest, string> platforms)
    {
        long size = SizeOf(manifest);
        return new TagSummary(
            ArtifactKinds.Of(tag.MediaType, tag.ArtifactType),
            platforms.TryGetValue(manifest.Config.Digest, out string? platform) && platform.Length > 0 ? [platform] : [],
            size,
            size);
    }

    private static TagSummary OfIndex(TagFigures tag, IEnumerable<ChildFigures> children)
    {
        string kind = ArtifactKinds.Of(tag.MediaType, tag.ArtifactType);
        if (Try(() => tag.Content is null ? null : ImageIndex.Parse(tag.Content, tag.MediaType)) is not { } index)
        {
            return new TagSummary(kind, [], null, null);
        }

        Descriptor[] runnable = [.. index.Manifests.Where(entry => entry.Platform is { Os: not "unknown" })];
        var here = new HashSet<string>(runnable.Select(entry => entry.Digest.ToString()), StringComparer.Ordinal);
        long[] sizes = [.. children.Where(child => here.Contains(child.Manifest)).Select(child => child.Size)];
        return new TagSummary(
            kind,
            [.. runnable.Select(entry => entry.Platform!.Normalize().ToString()).Distinct(StringComparer.Ordinal)],
            sizes.Length > 0 ? sizes.Min() : null,
            sizes.Length > 0 ? sizes.Max() : null);
    }

    /// <summary>Documents were checked when they were pushed; one that no longer passes is still listed.</summary>
    private static T? Try<T>(Func<T?> parse)
        where T : class
    {
        try
        {
            return parse();
        }
        catch (MicaException)
        {
            return null;
        }
    }
}
