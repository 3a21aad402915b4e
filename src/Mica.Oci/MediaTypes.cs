namespace Mica.Oci;

/// <summary>The media types of OCI image-spec v1.1 (media-types.md) and of Docker schema 2, and what each one is.</summary>
public static class MediaTypes
{
    /// <summary>OCI image index.</summary>
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";

    /// <summary>OCI image manifest.</summary>
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";

    /// <summary>OCI image config.</summary>
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";

    /// <summary>The <c>{}</c> blob that stands for "nothing here". OCI image-spec v1.1, manifest.md#guidance-for-an-empty-descriptor.</summary>
    public const string OciEmpty = "application/vnd.oci.empty.v1+json";

    /// <summary>Uncompressed layer.</summary>
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar";

    /// <summary>Gzip layer.</summary>
    public const string OciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";

    /// <summary>Zstandard layer.</summary>
    public const string OciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";

    /// <summary>Docker manifest list, the older index.</summary>
    public const string DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// <summary>Docker schema 2 manifest.</summary>
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

    /// <summary>Docker image config.</summary>
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";

    /// <summary>Docker gzip layer.</summary>
    public const string DockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    /// <summary>Docker uncompressed layer.</summary>
    public const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";

    /// <summary>Docker zstd layer, written by some tools.</summary>
    public const string DockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd";

    /// <summary>Docker layer that is fetched from its <c>urls</c>.</summary>
    public const string DockerForeignLayer = DockerForeignTar + ".gzip";

    /// <summary>Docker schema 1, refused.</summary>
    public const string DockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";

    /// <summary>Docker schema 1 with a signature, refused.</summary>
    public const string DockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";

    private const string DockerForeignTar = "application/vnd.docker.image.rootfs.foreign.diff.tar";
    private const string OciNondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar";

    /// <summary>What a client says it accepts when it asks for a manifest, best first.</summary>
    public static IReadOnlyList<string> AcceptedManifests { get; } = [OciIndex, OciManifest, DockerIndex, DockerManifest];

    /// <summary>An index or a manifest list.</summary>
    public static bool IsIndex(string mediaType) => mediaType is OciIndex or DockerIndex;

    /// <summary>An image manifest, of an image or of an artifact.</summary>
    public static bool IsManifest(string mediaType) => mediaType is OciManifest or DockerManifest;

    /// <summary>A document that refers to others and lives under <c>/manifests/</c> in a registry.</summary>
    public static bool IsDocument(string mediaType) => IsIndex(mediaType) || IsManifest(mediaType);

    /// <summary>An image config, whose <c>rootfs.diff_ids</c> name the layers.</summary>
    public static bool IsConfig(string mediaType) => mediaType is OciConfig or DockerConfig;

    /// <summary>A tar layer of an image, however compressed, distributable or not.</summary>
    public static bool IsLayer(string mediaType) =>
        mediaType is OciLayer or OciLayerGzip or OciLayerZstd or DockerLayerGzip or DockerLayer or DockerLayerZstd
        || IsNondistributable(mediaType);

    /// <summary>A layer that a registry need not hold: it is fetched from the descriptor's <c>urls</c>, and not pushed unless asked.</summary>
    public static bool IsNondistributable(string mediaType) =>
        mediaType is DockerForeignLayer or DockerForeignTar or OciNondistributable or OciNondistributable + "+gzip" or OciNondistributable + "+zstd";

    /// <summary>A Docker schema 1 manifest.</summary>
    public static bool IsSchema1(string mediaType) => mediaType is DockerSchema1 or DockerSchema1Signed;
}
