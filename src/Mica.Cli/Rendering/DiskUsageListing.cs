using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mica.Cli.Templates;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>The output of <c>mica system df</c>.</summary>
internal static class DiskUsageListing
{
    private const int MostImagesShown = 4;

    private static Listing Summary { get; } = new("disk usage",
    [
        new("Active", "ACTIVE"), new("Reclaimable", "RECLAIMABLE"), new("Size", "SIZE"), new("TotalCount", "TOTAL"), new("Type", "TYPE"),
    ])
    {
        Table = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
        Quiet = "{{.Type}}",
        Raw = "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\n",
    };

    private static Listing SharedLayers { get; } = new("shared layer", [new("Images", "IMAGES"), new("Layer", "LAYER"), new("Size", "SIZE")])
    {
        Table = "{{.Layer}}\t{{.Size}}\t{{.Images}}",
    };

    /// <summary>One line for each kind of thing.</summary>
    public static string RenderSummary(DiskUsage usage, ImmutableArray<BuildRecord> cache, string? format) => Summary.Render(format, quiet: false,
    [
        SummaryRow("Images", usage.Images.Length, usage.ActiveCount, usage.Size, usage.Reclaimable),

        // Until there are containers and volumes there are none of them.
        SummaryRow("Containers", 0, 0, 0, 0),
        SummaryRow("Local Volumes", 0, 0, 0, 0),
        SummaryRow("Build Cache", cache.Length, 0, cache.Sum(record => record.OwnBytes), cache.Sum(record => record.OwnBytes)),
    ]);

    /// <summary>A table for each kind of thing, and beyond docker who shares what with whom.</summary>
    public static string RenderVerbose(DiskUsage usage, ImmutableArray<BuildRecord> cache, DateTimeOffset now)
    {
        var text = new StringBuilder();
        text.Append("Images space usage:\n\n");
        text.Append(ImageTable.WithUsage.Render(null, quiet: false, ImageTable.Rows(ImageTable.WithUsage, usage.Images, truncates: true, now)));
        if (!usage.Shared.IsEmpty)
        {
            text.Append("\nShared layers:\n\n").Append(SharedLayers.Render(null, quiet: false, SharedRows(usage)));
        }

        text.Append(CultureInfo.InvariantCulture,
            $"\nOn the disk: {HumanSize.Long(usage.Blobs)} of blobs and {HumanSize.Long(usage.Layers)} of unpacked layers; without the unused images {HumanSize.Long(usage.Freeable)} less\n");
        text.Append("\nContainers space usage:\n\n").Append(Header("CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"));
        text.Append("\nLocal Volumes space usage:\n\n").Append(Header("VOLUME NAME", "LINKS", "SIZE"));
        text.Append("\nBuild cache usage: ").Append(HumanSize.Long(cache.Sum(record => record.OwnBytes))).Append("\n\n");
        text.Append(BuildCacheTable.Verbose.Render(null, quiet: false, BuildCacheTable.VerboseRows(cache, truncates: true, now)));
        return text.ToString();
    }

    /// <summary>The same as one JSON document or by a template over <c>.Images</c>, <c>.Containers</c>, <c>.Volumes</c> and <c>.BuildCache</c>.</summary>
    public static string RenderVerbose(DiskUsage usage, ImmutableArray<BuildRecord> cache, DateTimeOffset now, string format)
    {
        var rows = new ListValue([.. ImageTable.Rows(ImageTable.WithUsage, usage.Images, truncates: false, now)]);
        var steps = new ListValue([.. BuildCacheTable.VerboseRows(cache, truncates: false, now)]);
        var all = new RowValue("disk usage",
        [
            new("Images", rows), new("Containers", new ListValue([])), new("Volumes", new ListValue([])), new("BuildCache", steps),
        ]);
        return format == "json" ? JsonText.Of(all) + "\n" : Template.Parse(Listing.Unescape(format)).Apply(all) + "\n";
    }

    private static RowValue SummaryRow(string type, int total, int active, long size, long reclaimable)
    {
        // A whole number, cut off and not rounded, as docker divides.
        string share = size > 0 ? string.Create(CultureInfo.InvariantCulture, $" ({(Int128)reclaimable * 100 / size}%)") : "";
        return Summary.Row(
            active.ToString(CultureInfo.InvariantCulture),
            HumanSize.Long(reclaimable) + share,
            HumanSize.Long(size),
            total.ToString(CultureInfo.InvariantCulture),
            type);
    }

    private static IEnumerable<RowValue> SharedRows(DiskUsage usage)
    {
        Dictionary<Digest, string> names = usage.Images.ToDictionary(image => image.Image.Root.Digest, image => ImageTitle.Of(image.Image));
        return usage.Shared.Select(layer =>
        {
            string[] images = [.. layer.Roots.Select(root => names.GetValueOrDefault(root) ?? ImageTable.ShortId(root)).Order(StringComparer.Ordinal)];
            string more = images.Length > MostImagesShown
                ? string.Create(CultureInfo.InvariantCulture, $" and {images.Length - MostImagesShown} more") : "";
            return SharedLayers.Row(
                string.Join(", ", images.Take(MostImagesShown)) + more, ImageTable.ShortId(layer.DiffId), HumanSize.Short(layer.Size));
        });
    }

    private static string Header(params ReadOnlySpan<string> titles)
    {
        var table = new TextTable();
        table.Add(titles);
        return table.ToString();
    }
}
