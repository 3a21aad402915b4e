using System.Text;
using Mica.Engine;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>What a removal did, in docker's lines.</summary>
internal static class RemovalText
{
    /// <summary>As <c>rmi</c> prints it.</summary>
    public static string Of(RemovalReport report) => Lines(report, "Untagged", "Deleted");

    /// <summary>As <c>prune</c> prints it.</summary>
    public static string OfPrune(RemovalReport report, BuildCachePruneReport? cache = null)
    {
        string removed = report.Entries.IsEmpty ? "" : $"Deleted Images:\n{Lines(report, "untagged", "deleted")}\n";
        string steps = cache is null ? "" : OfBuildCache(cache);
        return $"{removed}{steps}Total reclaimed space: {HumanSize.Long(report.FreedBytes + (cache?.FreedBytes ?? 0))}\n";
    }

    /// <summary>As <c>builder prune</c> and <c>system prune</c> print it; empty when nothing was removed.</summary>
    public static string OfBuildCache(BuildCachePruneReport report)
    {
        if (report.Removed.IsEmpty)
        {
            return "";
        }

        var text = new StringBuilder("Deleted build cache objects:\n");
        foreach (BuildRecord record in report.Removed)
        {
            text.Append(BuildCacheTable.IdOf(record, truncates: false)).Append('\n');
        }

        return text.Append('\n').ToString();
    }

    private static string Lines(RemovalReport report, string untagged, string deleted)
    {
        var text = new StringBuilder();
        foreach (RemovalEntry entry in report.Entries)
        {
            text.Append(entry switch
            {
                Untagged name => $"{untagged}: {name.Name}\n",
                Deleted image => $"{deleted}: {image.Digest}\n",
                _ => "",
            });
        }

        return text.ToString();
    }
}
