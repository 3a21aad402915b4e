using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary>All that the page of an image or index shows.</summary>
internal sealed record ImageView
{
    /// <summary>Moves of the tag on one page.</summary>
    public const int HistoryRows = 20;

    /// <summary>Layers for which it is looked up who shares them.</summary>
    public const int SharedLayers = 128;

    private const int Related = 50;
    private const int LongestShown = 16 * 1024;

    public required WebPath Path { get; init; }

    public required ShownManifest Shown { get; init; }

    /// <summary>The document; null for an index, or when it cannot be read.</summary>
    public ImageManifest? Manifest { get; init; }

    /// <summary>The document; null for a manifest, or when it cannot be read.</summary>
    public ImageIndex? Index { get; init; }

    /// <summary>The image's config; null when there is none, or it cannot be read.</summary>
    public ImageConfig? Config { get; init; }

    /// <summary>Why the config is not shown.</summary>
    public string? ConfigProblem { get; init; }

    /// <summary>An index's manifests that are here, with the bytes of their blobs.</summary>
    public required IReadOnlyDictionary<string, long> Children { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    public required IReadOnlyList<Digest> Parents { get; init; }

    public required IReadOnlyList<Referrer> Referrers { get; init; }

    /// <summary>What older clients attached by tags.</summary>
    public required IReadOnlyList<(string Tag, Digest Digest, string MediaType)> Attached { get; init; }

    /// <summary>Of a tag: its moves, newest first, and one more when there are more.</summary>
    public required IReadOnlyList<TagMove> History { get; init; }

    /// <summary>What of the history is still here.</summary>
    public required IReadOnlySet<Digest> Present { get; init; }

    /// <summary>For layers some other repositories that the reader may read and that have them.</summary>
    public required ILookup<Digest, string> Sharing { get; init; }

    public string Repository => Path.Repository;

    public bool IsTag => !Path.Reference.Contains(':', StringComparison.Ordinal);

    /// <summary>What a client is told to pull.</summary>
    public string Reference => IsTag ? $"{Repository}:{Path.Reference}" : $"{Repository}@{Path.Reference}";

    /// <summary>It is something to run, not an artifact.</summary>
    public bool IsImage => Index is not null ? string.IsNullOrEmpty(Index.ArtifactType) : Manifest is not null && MediaTypes.IsConfig(Manifest.Config.MediaType);

    /// <summary>Null: there is no such image.</summary>
    public static async Task<ImageView?> LoadAsync(
        MetadataDatabase metadata, ConfigBlobs configs, AccessPolicy access, Principal principal, WebPath path, long before,
        CancellationToken cancellationToken)
    {
        (ImageView? view, StoredBlob? config) = await metadata.ReadAsync(session => ReadAsync(session, path, before), cancellationToken);
        if (view is null)
        {
            return null;
        }

        view = view with
        {
            Sharing = view.Sharing.SelectMany(layer => layer.Select(repository => (layer.Key, repository)))
                .Where(pair => access.Allows(principal, pair.repository, Rights.Read))
                .ToLookup(pair => pair.Key, pair => pair.repository),
        };
        if (config is null)
        {
            return view.IsImage && view.Manifest is not null ? view with { ConfigProblem = "The config is not in this registry." } : view;
        }

        byte[]? content = await configs.ReadAsync(config, cancellationToken);
        if (content is null)
        {
            return view with { ConfigProblem = $"The config has {Words.Size(config.Size)}, which is too long to show." };
        }

        try
        {
            return view with { Config = ImageConfig.Parse(content) };
        }
        catch (MicaException error)
        {
            return view with { ConfigProblem = $"The config cannot be shown: {error.Message}." };
        }
    }

    private static async ValueTask<(ImageView?, StoredBlob?)> ReadAsync(SqlSession session, WebPath path, long before)
    {
        string repository = path.Repository;
        if (await ImageQueries.FindAsync(session, repository, path.Reference) is not { } shown)
        {
            return (null, null);
        }

        ImageManifest? manifest = null;
        ImageIndex? index = null;
        try
        {
            manifest = MediaTypes.IsManifest(shown.MediaType) ? ImageManifest.Parse(shown.Content, shown.MediaType) : null;
            index = MediaTypes.IsIndex(shown.MediaType) ? ImageIndex.Parse(shown.Content, shown.MediaType) : null;
        }
        catch (MicaException)
        {
            // It was checked when it was pushed. What no longer passes is shown as the text that it is.
        }

        bool isTag = !path.Reference.Contains(':', StringComparison.Ordinal);
        List<TagMove> history = isTag ? await ImageQueries.HistoryAsync(session, repository, path.Reference, before, HistoryRows + 1) : [];
        var view = new ImageView
        {
            Path = path,
            Shown = shown,
            Manifest = manifest,
            Index = index,
            Children = index is null
                ? new Dictionary<string, long>()
                : (await WebQueries.ChildrenAsync(session, shown.RepositoryId, [shown.Digest.ToString()])).ToDictionary(child => child.Manifest, child => child.Size),
            Tags = await ImageQueries.TagsOfAsync(session, shown.RepositoryId, shown.Digest, Related),
            Parents = await ImageQueries.ParentsAsync(session, shown.RepositoryId, shown.Digest, Related),
            Referrers = await ManifestRows.ReferrersAsync(session, repository, shown.Digest, null, "", Related + 1, LongestShown),
            Attached = await ImageQueries.AttachedTagsAsync(session, shown.RepositoryId, shown.Digest, Related),
            History = history,
            Present = await ImageQueries.PresentAsync(session, repository, HistorySection.Digests(history)),
            Sharing = await ImageQueries.SharingAsync(
                session, shown.RepositoryId, [.. (manifest?.Layers ?? []).Select(layer => layer.Digest).Distinct().Take(SharedLayers)]),
        };
        StoredBlob? config = view.IsImage && manifest is not null ? await BlobRows.FindAsync(session, repository, manifest.Config.Digest) : null;
        return (view, config);
    }
}
