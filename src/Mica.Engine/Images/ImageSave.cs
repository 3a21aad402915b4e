using System.Collections.Immutable;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>What a save takes.</summary>
public sealed record SaveOptions
{
    /// <summary>Of an index only the manifest for this platform; null for all that are here.</summary>
    public Platform? Platform { get; init; }

    /// <summary>Which tools shall read it.</summary>
    public ImageArchiveForm Form { get; init; } = ImageArchiveForm.Docker;
}

/// <summary>An image that a load brought.</summary>
/// <param name="Id">The image ID.</param>
/// <param name="References">The names that stand for it since; none when the archive names it not.</param>
public sealed record LoadedImage(Digest Id, ImmutableArray<ImageReference> References);

/// <summary>The images of one save, held while they are written.</summary>
internal sealed class ImageSave : IAsyncDisposable
{
    private readonly StoreLease _lease;

    private ImageSave(StoreLease lease, ImageArchiveWriter writer, IReadOnlyList<ArchivedImage> images)
    {
        _lease = lease;
        Writer = writer;
        Images = images;
    }

    public ImageArchiveWriter Writer { get; }

    public IReadOnlyList<ArchivedImage> Images { get; }

    public static async Task<ImageSave> OpenAsync(
        Engine engine, IReadOnlyList<string> images, SaveOptions options, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        StoreLease lease = await engine.Store.LeaseAsync("save", cancellationToken);
        try
        {
            var chosen = new List<ArchivedImage>();
            var present = new HashSet<Digest>();
            foreach (string image in images)
            {
                chosen.AddRange(await ChooseAsync(engine, lease, image, options, present, cancellationToken));
            }

            var writer = new ImageArchiveWriter(lease, new ImageArchiveWriterOptions
            {
                Form = options.Form,
                Platform = options.Platform ?? engine.Options.Platform,
                Include = (parent, child) => !MediaTypes.IsIndex(parent.MediaType) || present.Contains(child.Digest),
            }, progress);
            return new ImageSave(lease, writer, [.. chosen
                .GroupBy(image => image.Descriptor.Digest)
                .Select(group => new ArchivedImage(group.First().Descriptor, [.. group.SelectMany(image => image.References).Distinct()]))]);
        }
        catch
        {
            await lease.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => _lease.DisposeAsync();

    private static async Task<IReadOnlyList<ArchivedImage>> ChooseAsync(
        Engine engine, StoreLease lease, string text, SaveOptions options, HashSet<Digest> present, CancellationToken cancellationToken)
    {
        List<(StoredImage Image, ImmutableArray<ImageReference> Names)> found = [];
        if (ImageReference.TryParse(text, out ImageReference? reference) && reference is { Tag: null, Digest: null })
        {
            // docker saves every tag of a repository that is named without one.
            found.AddRange((await engine.Store.ListAsync(cancellationToken))
                .Select(image => (image, image.Names.Select(name => name.Reference).Where(name => name.Name == reference.Name).ToImmutableArray()))
                .Where(candidate => !candidate.Item2.IsEmpty));
        }

        if (found.Count == 0)
        {
            StoredImage image = await engine.Store.FindAsync(text, cancellationToken)
                ?? throw new MicaException(ErrorKind.NotFound, $"No such image: {Printable.Of(reference?.WithDefaultTag().Familiar ?? text)}");
            found.Add((image, reference is { Tag: not null } && image.Names.Any(name => name.Name == reference.WithTag(reference.Tag).ToString()) ? [reference] : []));
        }

        var chosen = new List<ArchivedImage>();
        foreach ((StoredImage image, ImmutableArray<ImageReference> names) in found)
        {
            await lease.HoldAsync(image.Root.Digest, cancellationToken);
            present.UnionWith(image.Variants.Where(variant => variant.IsPresent || variant is { IsAttestation: true, IsComplete: true }).Select(variant => variant.Manifest.Digest));
            chosen.Add(new ArchivedImage(Root(image, options.Platform, text), names));
        }

        return chosen;
    }

    private static Descriptor Root(StoredImage image, Platform? platform, string text) => platform is null
        ? image.Root
        : image.VariantFor(platform)?.Manifest ?? throw new MicaException(ErrorKind.NotFound,
            $"image with reference {Printable.Of(text)} was found but does not provide the specified platform ({platform})");
}
