using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mica.Cli.Containers;
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

    private static Listing Containers { get; } = new("container",
    [
        new("Command", "COMMAND"), new("ID", "CONTAINER ID"), new("Image", "IMAGE"), new("LocalVolumes", "LOCAL VOLUMES"), new("Names", "NAMES"),
        new("RunningFor", "CREATED"), new("Size", "SIZE"), new("Status", "STATUS"),
    ])
    {
        Table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
    };

    private static Listing Volumes { get; } = new("volume", [new("Links", "LINKS"), new("Name", "VOLUME NAME"), new("Size", "SIZE")])
    {
        Table = "{{.Name}}\t{{.Links}}\t{{.Size}}",
    };

    /// <summary>One line for each kind of thing.</summary>
    public static string RenderSummary(DiskUsage usage, ObjectUsage objects, ImmutableArray<BuildRecord> cache, string? format) => Summary.Render(format, quiet: false,
    [
        SummaryRow("Images", usage.Images.Length, usage.ActiveCount, usage.Size, usage.Reclaimable),
        SummaryRow(
            "Containers", objects.Containers.Length, objects.Containers.Count(size => size.Container.State.IsRunning),
            objects.Containers.Sum(size => size.Own), objects.Containers.Where(size => !size.Container.State.IsRunning).Sum(size => size.Own)),
        SummaryRow(
            "Local Volumes", objects.Volumes.Length, objects.Volumes.Count(size => size.Links > 0),
            objects.Volumes.Sum(size => size.Size), objects.Volumes.Where(size => size.Links == 0).Sum(size => size.Size)),
        SummaryRow("Build Cache", cache.Length, 0, cache.Sum(record => record.OwnBytes), cache.Sum(record => record.OwnBytes)),
    ]);

    /// <summary>A table for each kind of thing, and beyond docker who shares what with whom.</summary>
    public static string RenderVerbose(DiskUsage usage, ObjectUsage objects, ImmutableArray<BuildRecord> cache, DateTimeOffset now)
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
        text.Append("\nContainers space usage:\n\n").Append(Containers.Render(null, quiet: false, ContainerRows(objects, truncates: true, now)));
        text.Append("\nLocal Volumes space usage:\n\n").Append(Volumes.Render(null, quiet: false, VolumeRows(objects)));
        text.Append("\nBuild cache usage: ").Append(HumanSize.Long(cache.Sum(record => record.OwnBytes))).Append("\n\n");
        text.Append(BuildCacheTable.Verbose.Render(null, quiet: false, BuildCacheTable.VerboseRows(cache, truncates: true, now)));
        return text.ToString();
    }

    /// <summary>The same as one JSON document or by a template over <c>.Images</c>, <c>.Containers</c>, <c>.Volumes</c> and <c>.BuildCache</c>.</summary>
    public static string RenderVerbose(DiskUsage usage, ObjectUsage objects, ImmutableArray<BuildRecord> cache, DateTimeOffset now, string format)
    {
        var rows = new ListValue([.. ImageTable.Rows(ImageTable.WithUsage, usage.Images, truncates: false, now)]);
        var steps = new ListValue([.. BuildCacheTable.VerboseRows(cache, truncates: false, now)]);
        var all = new RowValue("disk usage",
        [
            new("Images", rows), new("Containers", new ListValue([.. ContainerRows(objects, truncates: false, now)])),
            new("Volumes", new ListValue([.. VolumeRows(objects)])), new("BuildCache", steps),
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

    private static IEnumerable<RowValue> ContainerRows(ObjectUsage objects, bool truncates, DateTimeOffset now) => objects.Containers.Select(size => Containers.Row(
        ContainerText.Command(size.Container, truncates),
        truncates ? size.Container.ShortId : size.Container.Id,
        size.Container.Definition.Image,
        size.Container.Definition.Mounts.Count(mount => mount.Type == "volume").ToString(CultureInfo.InvariantCulture),
        size.Container.Name,
        HumanTime.Since(size.Container.Created, now),
        HumanSize.Short(size.Own),
        ContainerText.Status(size.Container, now)));

    private static IEnumerable<RowValue> VolumeRows(ObjectUsage objects) => objects.Volumes.Select(size => Volumes.Row(
        size.Links.ToString(CultureInfo.InvariantCulture), size.Volume.Name, HumanSize.Short(size.Size)));
}
