using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Makes one document of the images of several platforms, and of what is said about them.</summary>
internal sealed class BuiltIndex(StoreLease lease, ImageBuildOptions options)
{
    /// <summary>The manifest of a single platform that nothing is said about, else an index of all.</summary>
    public async Task<Descriptor> WriteAsync(IReadOnlyList<BuiltPlatform> built, CancellationToken cancellationToken)
    {
        if (built is [{ Result.Provenance: null } only] && options.Platforms.Length < 2)
        {
            return only.Result.Manifest;
        }

        byte[] json = new ImageIndex
        {
            MediaType = MediaTypes.OciIndex,
            Manifests =
            [
                .. built.Select(one => one.Result.Manifest with { Platform = one.Platform }),
                .. built.Select(one => one.Result.Provenance?.Manifest).OfType<Descriptor>(),
            ],
            Annotations = options.IndexAnnotations.IsEmpty ? null : options.IndexAnnotations,
        }.ToJson();
        return await lease.WriteDocumentAsync(MediaTypes.OciIndex, json, cancellationToken);
    }
}
