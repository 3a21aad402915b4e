using System.Collections.Immutable;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// What the <c>oci-layout</c> and <c>index.json</c> of an image layout say, in a directory or in an archive. OCI image-spec
/// v1.1, image-layout.md.
/// </summary>
internal static class OciLayoutFormat
{
    public const string MarkerName = "oci-layout";
    public const string IndexName = "index.json";

    /// <summary>The annotation that names an entry of <c>index.json</c>.</summary>
    public const string RefName = "org.opencontainers.image.ref.name";

    /// <summary>The full reference, as containerd and docker write it beside a bare tag in <see cref="RefName"/>.</summary>
    public const string ImageName = "io.containerd.image.name";

    public const int MaxMarkerSize = 4096;

    /// <summary>The content of <c>oci-layout</c>.</summary>
    public static ReadOnlyMemory<byte> Marker { get; } = """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray();

    /// <summary>Refuses an <c>oci-layout</c> that is none, or of a version that is not 1.</summary>
    public static void CheckMarker(ReadOnlySpan<byte> json, string place)
    {
        string? version = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            version = document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("imageLayoutVersion", out JsonElement member)
                && member.ValueKind == JsonValueKind.String ? member.GetString() : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // Said below. The second is what a string that is not Unicode text ends in.
        }

        if (version is null)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{place}: oci-layout is malformed: there is no imageLayoutVersion");
        }

        if (!version.StartsWith("1.", StringComparison.Ordinal))
        {
            throw new MicaException(ErrorKind.Unsupported, $"{place}: image layout of version {Printable.Of(version)} is not supported");
        }
    }

    public static ImageIndex Parse(ReadOnlySpan<byte> json, string place)
    {
        try
        {
            return ImageIndex.Parse(json, MediaTypes.OciIndex);
        }
        catch (MicaException error)
        {
            throw new MicaException(error.Kind, $"{place}: {IndexName}: {error.Message}", error);
        }
    }

    /// <summary>The images of <paramref name="index"/>, those without a name too.</summary>
    public static ImmutableArray<ListedImage> List(ImageIndex index) =>
        ImageListing.Group(index.Manifests.Select(entry => (Described(entry), Names(entry))));

    /// <summary>
    /// <paramref name="index"/> with <paramref name="name"/> on <paramref name="image"/> and on nothing else. Without a name:
    /// with the image in it, under whatever names it has.
    /// </summary>
    public static ImageIndex With(ImageIndex index, Descriptor image, string? name)
    {
        if (name is null)
        {
            return index.Manifests.Any(entry => entry.Digest == image.Digest)
                ? index
                : index with { Manifests = index.Manifests.Add(Entry(image, null)) };
        }

        // A name replaces the entry without one: the image was only waiting for it.
        IEnumerable<Descriptor> others = index.Manifests.Where(entry => !Names(entry).Contains(name, StringComparer.Ordinal)
            && !(entry.Digest == image.Digest && !Names(entry).Any()));
        return index with { Manifests = [.. others, Entry(image, name)] };
    }

    /// <summary>The entry of <c>index.json</c> that gives <paramref name="image"/> a name.</summary>
    /// <param name="image">The manifest or index.</param>
    /// <param name="refName">What stands in <see cref="RefName"/>.</param>
    /// <param name="imageName">What stands in <see cref="ImageName"/>.</param>
    public static Descriptor Entry(Descriptor image, string? refName, string? imageName = null)
    {
        ImmutableSortedDictionary<string, string> annotations = WithoutNames(image)
            ?? ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);
        annotations = refName is null ? annotations : annotations.SetItem(RefName, refName);
        annotations = imageName is null ? annotations : annotations.SetItem(ImageName, imageName);
        return image with { Data = null, Urls = null, Annotations = annotations.IsEmpty ? null : annotations };
    }

    /// <summary>The descriptor without what only says where it stands in the index.</summary>
    private static Descriptor Described(Descriptor entry) => entry with { Annotations = WithoutNames(entry) };

    private static ImmutableSortedDictionary<string, string>? WithoutNames(Descriptor entry) =>
        entry.Annotations?.RemoveRange([RefName, ImageName]) is { IsEmpty: false } rest ? rest : null;

    private static IEnumerable<string> Names(Descriptor entry) => new[] { ImageName, RefName }
        .Select(key => entry.Annotations?.GetValueOrDefault(key))
        .Where(name => !string.IsNullOrEmpty(name))
        .Distinct()!;
}
