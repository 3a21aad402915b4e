using System.Globalization;
using Mica.Cli.Rendering;
using Mica.Oci;

namespace Mica.Cli.Progress;

/// <summary>
/// The state of all layers of an operation, in the order they were announced. What a renderer needs to know of an event:
/// which layer changed, or which line of text it is.
/// </summary>
internal sealed class TransferBoard
{
    private readonly Dictionary<Digest, LayerProgress> _byDigest = [];
    private readonly List<LayerProgress> _layers = [];

    public IReadOnlyList<LayerProgress> Layers => _layers;

    /// <summary>Some layer's bytes move, so those that still stand in the queue wait.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>
    /// Takes the event in. The layer it is about, and whether its state changed; null for blobs that were not announced
    /// (configs) and for events that are no layer's.
    /// </summary>
    public LayerProgress? Apply(ProgressEvent happened, out bool changed)
    {
        changed = false;
        Descriptor? descriptor = happened switch
        {
            BlobQueued queued => queued.Descriptor,
            BlobTransferred transferred => transferred.Descriptor,
            BlobCompleted completed => completed.Descriptor,
            BlobExisted existed => existed.Descriptor,
            BlobMounted mounted => mounted.Descriptor,
            LayerUnpacking unpacking => unpacking.Descriptor,
            LayerUnpacked unpacked => unpacked.Descriptor,
            _ => null,
        };
        if (descriptor is null)
        {
            return null;
        }

        if (_byDigest.TryGetValue(descriptor.Digest, out LayerProgress? layer))
        {
            changed = layer.Apply(happened);
            HasStarted |= changed;
            return layer;
        }

        if (happened is not BlobQueued)
        {
            return null;
        }

        changed = true;
        layer = new LayerProgress(descriptor);
        _byDigest.Add(descriptor.Digest, layer);
        _layers.Add(layer);
        return layer;
    }

    /// <summary>The line, with its id, that begins an image: <c>latest: Pulling from library/debian</c>.</summary>
    public static (string Status, string Id)? Heading(ProgressEvent happened, ProgressWords words)
    {
        if (words.Heading is null || happened is not ReferenceResolved resolved || !ImageReference.TryParse(resolved.Reference, out ImageReference? reference))
        {
            return null;
        }

        return ($"{words.Heading} {reference.Path}", reference.Digest is null ? reference.Tag ?? ImageReference.DefaultTag : reference.ToString());
    }

    /// <summary>The line that an event is, when it is one that a user should read.</summary>
    public static string? Line(ProgressEvent happened) => happened switch
    {
        RetryScheduled retry => $"{retry.Subject}: {retry.Reason}; trying again in {Seconds(retry.Delay)}",
        MirrorSkipped skipped => $"mirror {skipped.Mirror} skipped: {skipped.Reason}",
        RateLimitSeen limit => string.Create(CultureInfo.InvariantCulture,
            $"{limit.Registry}: {limit.Remaining} of {limit.Limit} pulls left for {HumanTime.Duration(limit.Window)}"),
        Notice notice => notice.Message,
        _ => null,
    };

    private static string Seconds(TimeSpan delay) => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, Math.Round(delay.TotalSeconds))} s");
}
