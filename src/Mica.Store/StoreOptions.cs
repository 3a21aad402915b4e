using Mica.Layers;
using Mica.Oci;

namespace Mica.Store;

/// <summary>How a store is opened.</summary>
public sealed record StoreOptions
{
    /// <summary>The store's directory; made, with mode 0700, when it does not exist.</summary>
    public required string Root { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// How long the image that a name stood for is kept after the name moved on, so that the move can be undone. 14 days
    /// unless told otherwise.
    /// </summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromDays(14);

    /// <summary>Of an index with several platforms here, the one that stands for the image.</summary>
    public Platform Platform { get; init; } = Platform.Current;

    /// <summary>
    /// Whether an image is forced to the disk before a name stands for it. Without that, a power failure may leave a damaged
    /// image; a killed process never does.
    /// </summary>
    public bool Durable { get; init; } = true;

    /// <summary>
    /// Most bytes that one layer may have when uncompressed. Default 64 GiB. What goes beyond is taken for an attack by
    /// decompression.
    /// </summary>
    public long MaxLayerBytes { get; init; } = 64L << 30;

    internal LayerApplyOptions LayerOptions => LayerForm.Options with { MaxUnpackedBytes = MaxLayerBytes };

    /// <summary>Called at named points of every change, so that tests can stop the store there.</summary>
    internal Action<string>? Failpoint { get; init; }
}
