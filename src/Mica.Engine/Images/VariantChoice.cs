using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Choosing among the variants of a stored image.</summary>
internal static class VariantChoice
{
    /// <summary>The variant that is here and suits <paramref name="platform"/> best, or null.</summary>
    public static ImageVariant? VariantFor(this StoredImage image, Platform platform) => image.Variants
        .Where(variant => variant.IsPresent && variant.Manifest.Platform is { } own && platform.Rank(own) > 0)
        .MaxBy(variant => platform.Rank(variant.Manifest.Platform!));
}
