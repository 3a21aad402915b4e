using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>What to call an image where there is room for one name.</summary>
internal static class ImageTitle
{
    /// <summary>Its first name in familiar form, else its short ID.</summary>
    public static string Of(StoredImage image) =>
        image.Names.IsEmpty ? ImageTable.ShortId(image.Id) : image.Names[0].Reference.Familiar;
}
