using System.Collections.Immutable;
using Mica.Oci;
using Mica.Registry;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// Indexes made by hand from images of single platforms. They are images of the store like any other: a name stands for
/// them, <see cref="Images.PushAsync"/> pushes them with all they refer to.
/// </summary>
public sealed class Manifests
{
    private readonly Engine _engine;

    internal Manifests(Engine engine) => _engine = engine;

    /// <summary>
    /// Makes <paramref name="list"/> stand for a new OCI index of <paramref name="members"/>, in that order. A member that the
    /// store does not have is fetched, without being unpacked; of an index all its manifests become members.
    /// </summary>
    /// <param name="list">The name; <c>latest</c> when it says no tag.</param>
    /// <param name="members">References or IDs.</param>
    /// <param name="amend">Adds to the index that the name stands for; else it is an error that it stands for something.</param>
    /// <param name="progress">Receives what is fetched.</param>
    /// <param name="cancellationToken">Cancels before the name moves.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.AlreadyExists"/>: the name is taken.</exception>
    public async Task<Descriptor> CreateAsync(
        ImageReference list, IReadOnlyList<string> members, bool amend,
        IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        list = list.WithDefaultTag();
        await using StoreLease lease = await _engine.Store.LeaseAsync($"manifest create {list.Familiar}", cancellationToken);
        StoredImage? existing = await _engine.Store.FindAsync(list.ToString(), cancellationToken);
        if (existing is not null && !amend)
        {
            throw new MicaException(ErrorKind.AlreadyExists, $"refusing to amend an existing manifest list {list.Familiar} with no --amend flag");
        }

        ImmutableArray<Descriptor> entries = existing is null ? [] : (await ReadIndexAsync(lease, existing, list, cancellationToken)).Manifests;
        foreach (string member in members)
        {
            foreach (Descriptor entry in await ResolveMemberAsync(lease, member, progress, cancellationToken))
            {
                entries = [.. entries.Where(known => known.Digest != entry.Digest), entry];
            }
        }

        var index = new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = entries };
        return await StoreAsync(lease, index, list, "manifest create", cancellationToken);
    }

    /// <summary>
    /// Changes what the index that <paramref name="list"/> stands for says about <paramref name="member"/>: the parts of
    /// <paramref name="platform"/> that are not null, and the annotations.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no such index, or the member is not in it.</exception>
    public async Task<Descriptor> AnnotateAsync(
        ImageReference list, string member, PlatformChange platform, IReadOnlyDictionary<string, string> annotations,
        CancellationToken cancellationToken)
    {
        list = list.WithDefaultTag();
        await using StoreLease lease = await _engine.Store.LeaseAsync($"manifest annotate {list.Familiar}", cancellationToken);
        StoredImage image = await _engine.Store.FindAsync(list.ToString(), cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"No such manifest: {list.Familiar}");
        ImageIndex index = await ReadIndexAsync(lease, image, list, cancellationToken);

        Digest digest = (await MemberDigestsAsync(member, cancellationToken)).FirstOrDefault(
            candidate => index.Manifests.Any(entry => entry.Digest == candidate));
        Descriptor entry = index.Manifests.FirstOrDefault(entry => entry.Digest == digest)
            ?? throw new MicaException(ErrorKind.NotFound, $"{Printable.Of(member)}: not in the manifest list {list.Familiar}");
        Descriptor changed = entry with
        {
            Platform = platform.Apply(entry.Platform),
            Annotations = annotations.Count == 0 ? entry.Annotations
                : (entry.Annotations ?? ImmutableSortedDictionary<string, string>.Empty).SetItems(annotations),
        };
        index = index with { Manifests = index.Manifests.Replace(entry, changed) };
        return await StoreAsync(lease, index, list, "manifest annotate", cancellationToken);
    }

    private static async Task<ImageIndex> ReadIndexAsync(
        StoreLease lease, StoredImage image, ImageReference list, CancellationToken cancellationToken) =>
        MediaTypes.IsIndex(image.Root.MediaType)
            ? ImageIndex.Parse(await lease.ReadDocumentAsync(image.Root, cancellationToken), image.Root.MediaType)
            : throw new MicaException(ErrorKind.InvalidArgument, $"{list.Familiar} is an image, not a manifest list");

    private static async Task<Descriptor> StoreAsync(
        StoreLease lease, ImageIndex index, ImageReference list, string cause, CancellationToken cancellationToken)
    {
        Descriptor root = await lease.WriteDocumentAsync(index.MediaType ?? MediaTypes.OciIndex, index.ToJson(), cancellationToken);
        await lease.CommitImageAsync(root, list, cause, cancellationToken);
        return root;
    }

    /// <summary>The manifests that a member stands for, each with its platform, and all their content in the store.</summary>
    private async Task<IReadOnlyList<Descriptor>> ResolveMemberAsync(
        StoreLease lease, string member, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        StoredImage? local = await _engine.Store.FindAsync(member, cancellationToken);
        if (local is not null)
        {
            await lease.HoldAsync(local.Root.Digest, cancellationToken);
            return await EntriesAsync(lease, local.Root, cancellationToken);
        }

        ImageReference reference = ImageReference.Parse(member).WithDefaultTag();
        RegistryRepository source = _engine.Registry.Repository(reference, progress);
        Descriptor root = await source.ResolveAsync(reference.Target, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"{reference.Familiar}: not found here or in {reference.Domain}");
        using var copy = new ContentCopy(
            source, lease, new ContentCopyOptions { Concurrency = _engine.Options.Concurrency }, progress);
        await copy.CopyAsync(root, cancellationToken);
        return await EntriesAsync(lease, root, cancellationToken);
    }

    private static async Task<IReadOnlyList<Descriptor>> EntriesAsync(
        IContentSource source, Descriptor root, CancellationToken cancellationToken)
    {
        if (MediaTypes.IsIndex(root.MediaType))
        {
            return ImageIndex.Parse(await source.ReadDocumentAsync(root, cancellationToken), root.MediaType).Manifests;
        }

        Image image = await Image.OpenAsync(source, root, Platform.Current, cancellationToken);
        Platform own = image.Config.Platform;
        return [new Descriptor { MediaType = root.MediaType, Digest = root.Digest, Size = root.Size, Platform = own.Os.Length > 0 ? own : null }];
    }

    private async Task<IReadOnlyList<Digest>> MemberDigestsAsync(string member, CancellationToken cancellationToken)
    {
        if (Digest.TryParse(member, out Digest digest))
        {
            return [digest];
        }

        StoredImage? local = await _engine.Store.FindAsync(member, cancellationToken);
        if (local is not null)
        {
            return [local.Root.Digest, .. local.Variants.Select(variant => variant.Manifest.Digest)];
        }

        return ImageReference.Parse(member).Digest is { } named ? [named] : [];
    }
}

/// <summary>The parts of a platform to change; null leaves a part as it is.</summary>
public sealed record PlatformChange(string? Os = null, string? Architecture = null, string? Variant = null, string? OsVersion = null, ImmutableArray<string>? OsFeatures = null)
{
    internal Platform? Apply(Platform? platform) => this == new PlatformChange() ? platform
        : (platform ?? Platform.Current) with
        {
            Os = Os ?? (platform ?? Platform.Current).Os,
            Architecture = Architecture ?? (platform ?? Platform.Current).Architecture,
            Variant = Variant ?? platform?.Variant,
            OsVersion = OsVersion ?? platform?.OsVersion,
            OsFeatures = OsFeatures ?? platform?.OsFeatures,
        };
}
