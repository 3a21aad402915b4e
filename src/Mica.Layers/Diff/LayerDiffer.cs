using Mica.Linux;

namespace Mica.Layers;

/// <summary>
/// Writes the changes in the upper directory of an overlay as a layer: names in the order of their bytes, whiteouts and
/// opaque directories in the form of image-spec v1.1 layer.md, attributes of overlayfs left out. The directory itself is
/// cleaned of those attributes, so that it can serve as the layer's own tree. The overlay must not be mounted.
/// </summary>
public static class LayerDiffer
{
    /// <summary>Writes the changes, without the end of the archive.</summary>
    /// <param name="upper">The upper directory.</param>
    /// <param name="archive">Takes the entries.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Looked at between two entries.</param>
    /// <exception cref="LinuxException">Something could not be read.</exception>
    public static LayerDiff Write(DirectoryHandle upper, TarWriter archive, LayerDiffOptions options, CancellationToken cancellationToken)
    {
        var walk = new DiffWalk(archive, options, cancellationToken);
        walk.Root(upper);
        return walk.Result;
    }
}
