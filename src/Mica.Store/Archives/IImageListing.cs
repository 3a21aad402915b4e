using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// A source that knows all images it holds: a layout, an archive, a directory. <see cref="IContentSource.ResolveAsync"/> takes
/// a name as listed, a full reference that normalizes to one, a digest, or <c>@N</c> for the image at position N.
/// </summary>
public interface IImageListing : IContentSource
{
    /// <summary>How messages call this place, such as <c>oci:DIR</c>.</summary>
    string DisplayName { get; }

    /// <summary>The images in the order of the place's own index. The same descriptor comes once, with all its names.</summary>
    ValueTask<ImmutableArray<ListedImage>> ListAsync(CancellationToken cancellationToken);
}

/// <summary>One image of a listing.</summary>
/// <param name="Descriptor">Its manifest or index.</param>
/// <param name="Names">The names exactly as the place has them; text from outside. Empty for an image without a name.</param>
/// <param name="References">
/// Those of the names that are full references, normalized, with a tag: what a load gives the image. A bare tag such as
/// <c>v1</c> in a layout names no repository, so it is not among them.
/// </param>
public sealed record ListedImage(
    Descriptor Descriptor, ImmutableArray<string> Names, ImmutableArray<ImageReference> References);

/// <summary>Choosing among listed images.</summary>
public static class ImageListing
{
    private const int MaxNamesShown = 8;

    /// <summary>The only image of <paramref name="listing"/>.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: there is none. <see cref="ErrorKind.InvalidArgument"/>: there are several; the message
    /// lists their names.
    /// </exception>
    public static async ValueTask<Descriptor> ResolveOnlyAsync(this IImageListing listing, CancellationToken cancellationToken)
    {
        ImmutableArray<ListedImage> images = await listing.ListAsync(cancellationToken);
        return images.Length switch
        {
            1 => images[0].Descriptor,
            0 => throw new MicaException(ErrorKind.NotFound, $"{listing.DisplayName}: holds no image"),
            _ => throw new MicaException(ErrorKind.InvalidArgument,
                $"{listing.DisplayName}: holds {images.Length} images; say which: {Shown(images)}"),
        };
    }

    /// <summary>The image of <paramref name="images"/> that <paramref name="reference"/> names, or null.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: two images have that name.</exception>
    internal static Descriptor? Find(ImmutableArray<ListedImage> images, string reference, string place)
    {
        if (ImageLocationGrammar.TryParseIndex(reference, out int index))
        {
            return index < images.Length ? images[index].Descriptor : null;
        }

        if (Digest.TryParse(reference, out Digest digest))
        {
            return images.FirstOrDefault(image => image.Descriptor.Digest == digest)?.Descriptor;
        }

        ListedImage[] found = [.. images.Where(image => image.Names.Contains(reference, StringComparer.Ordinal))];
        if (found.Length == 0 && ImageReference.TryParse(reference, out ImageReference? parsed) && parsed.Digest is null)
        {
            ImageReference wanted = parsed.WithDefaultTag();
            found = [.. images.Where(image => image.References.Contains(wanted))];
        }

        return found.Length switch
        {
            0 => null,
            1 => found[0].Descriptor,
            _ => throw new MicaException(ErrorKind.Conflict,
                $"{place}: {found.Length} images are named {Printable.Of(reference)}; "
                + $"ask for one by digest: {string.Join(", ", found.Take(MaxNamesShown).Select(Digested))}"),
        };
    }

    /// <summary>
    /// Groups <paramref name="entries"/> by digest, in order of first appearance, and finds the full references among the names.
    /// </summary>
    internal static ImmutableArray<ListedImage> Group(IEnumerable<(Descriptor Descriptor, IEnumerable<string> Names)> entries)
    {
        var order = new List<Descriptor>();
        var names = new Dictionary<Digest, List<string>>();
        foreach ((Descriptor descriptor, IEnumerable<string> more) in entries)
        {
            if (!names.TryGetValue(descriptor.Digest, out List<string>? known))
            {
                order.Add(descriptor);
                names.Add(descriptor.Digest, known = []);
            }

            known.AddRange(more.Except(known));
        }

        return [.. order.Select(descriptor => new ListedImage(
            descriptor, [.. names[descriptor.Digest]], References(names[descriptor.Digest])))];
    }

    private static ImmutableArray<ImageReference> References(IEnumerable<string> names) =>
    [
        .. names
            .Where(name => name.AsSpan().IndexOfAny('/', ':') >= 0)
            .Select(name => ImageReference.TryParse(name, out ImageReference? reference) ? reference : null)
            .Where(reference => reference is { Digest: null })
            .Select(reference => reference!.WithDefaultTag())
            .Distinct(),
    ];

    private static string Shown(ImmutableArray<ListedImage> images)
    {
        IEnumerable<string> names = images.Select((image, index) => image.Names.Length > 0 ? Printable.Of(image.Names[0]) : $"@{index}");
        string shown = string.Join(", ", names.Take(MaxNamesShown));
        return images.Length > MaxNamesShown ? shown + ", …" : shown;
    }

    private static string Digested(ListedImage image) => image.Descriptor.Platform is { } platform
        ? $"{image.Descriptor.Digest} ({Printable.Of(platform.ToString())})"
        : image.Descriptor.Digest.ToString();
}
