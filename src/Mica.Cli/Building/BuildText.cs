using System.Globalization;
using Mica.Cli.Progress;
using Mica.Cli.Rendering;
using Mica.Oci;

namespace Mica.Cli.Building;

/// <summary>Words of BuildKit's progress.</summary>
internal static class BuildText
{
    /// <summary>Such as <c>1.2s</c>.</summary>
    public static string Seconds(TimeSpan elapsed) => string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalSeconds:F1}s");

    /// <summary>Seconds since the step began, with three digits after the point while there is one before it: <c>0.123</c>.</summary>
    public static string Offset(TimeSpan elapsed)
    {
        double seconds = elapsed.TotalSeconds;
        return seconds.ToString(seconds < 10 ? "F3" : seconds < 100 ? "F2" : "F1", CultureInfo.InvariantCulture);
    }

    /// <summary>What moved for a step, in a line; null for what is not worth one.</summary>
    public static string? Line(ProgressEvent happened) => happened switch
    {
        ReferenceResolved resolved => $"resolve {Printable.Of(resolved.Reference)}@{resolved.Descriptor.Digest} done",
        BlobCompleted { Descriptor: var blob } => $"{blob.Digest} {HumanSize.Short(blob.Size)} / {HumanSize.Short(blob.Size)} done",
        LayerUnpacked { Descriptor: var layer } => $"extracting {layer.Digest} done",
        BlobMounted mounted => $"{mounted.Descriptor.Digest} mounted from {Printable.Of(mounted.Repository)}",
        _ => TransferBoard.Line(happened),
    };
}
