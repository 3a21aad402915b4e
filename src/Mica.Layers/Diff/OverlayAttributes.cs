using System.Text;
using Mica.Linux;

namespace Mica.Layers;

/// <summary>The extended attributes of files in an upper directory: overlayfs's own, and those that belong to the image.</summary>
internal sealed class OverlayAttributes(WhiteoutForm form, bool keeps = false)
{
    private readonly byte[] _opaque = Opaque(form);

    /// <summary>The attribute whose value <c>y</c> makes a directory opaque.</summary>
    public static byte[] Opaque(WhiteoutForm form) => [.. form == WhiteoutForm.Trusted ? "trusted"u8 : "user"u8, .. ".overlay.opaque"u8];

    /// <summary>
    /// The image's attributes, in the order of their names. Those that overlayfs keeps to itself are removed from the file, but
    /// for the one that says that a directory is opaque: a lower layer needs it. The tree of a container that goes on keeps them.
    /// </summary>
    public IReadOnlyList<Xattr> Take(DirectoryHandle parent, ReadOnlySpan<byte> name, out bool isOpaque)
    {
        isOpaque = false;
        List<Xattr>? kept = null;
        foreach (byte[] attribute in parent.ListXattrs(name))
        {
            if (attribute.AsSpan().SequenceEqual(_opaque))
            {
                isOpaque = parent.GetXattr(name, attribute) is [(byte)'y'];
            }
            else if (attribute.AsSpan().StartsWith("trusted.overlay."u8) || attribute.AsSpan().StartsWith("user.overlay."u8))
            {
                if (!keeps)
                {
                    parent.TryRemoveXattr(name, attribute);
                }
            }
            else
            {
                Keep(parent, name, attribute, ref kept);
            }
        }

        return Sorted(kept);
    }

    /// <summary>The image's attributes of a file, in the order of their names.</summary>
    public static IReadOnlyList<Xattr> Read(DirectoryHandle parent, ReadOnlySpan<byte> name)
    {
        List<Xattr>? kept = null;
        foreach (byte[] attribute in parent.ListXattrs(name))
        {
            Keep(parent, name, attribute, ref kept);
        }

        return Sorted(kept);
    }

    /// <summary>Labels of security modules and what is trusted are this machine's, not the image's.</summary>
    private static void Keep(DirectoryHandle parent, ReadOnlySpan<byte> name, byte[] attribute, ref List<Xattr>? kept)
    {
        bool isImages = attribute.AsSpan().SequenceEqual("security.capability"u8)
            || (attribute.AsSpan().StartsWith("user."u8) && !attribute.AsSpan().StartsWith("user.overlay."u8));
        if (isImages && parent.GetXattr(name, attribute) is { } value)
        {
            (kept ??= []).Add(new Xattr(Encoding.UTF8.GetString(attribute), value));
        }
    }

    private static List<Xattr> Sorted(List<Xattr>? kept)
    {
        kept?.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return kept ?? [];
    }
}
