namespace Mica.Layers;

/// <summary>How the tar of a layer is compressed. Told by the content's first bytes: media types are often wrong about it.</summary>
public enum LayerCompression
{
    /// <summary>A plain tar.</summary>
    None,

    /// <summary>RFC 1952.</summary>
    Gzip,

    /// <summary>RFC 8878.</summary>
    Zstd,
}
