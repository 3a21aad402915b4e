using System.Text;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>What a removal did, in docker's lines.</summary>
internal static class RemovalText
{
    /// <summary>As <c>rmi</c> prints it.</summary>
    public static string Of(RemovalReport report) => Lines(report, "Untagged", "Deleted");

    /// <summary>As <c>prune</c> prints it.</summary>
    public static string OfPrune(RemovalReport report)
    {
        string removed = report.Entries.IsEmpty ? "" : $"Deleted Images:\n{Lines(report, "untagged", "deleted")}\n";
        return $"{removed}Total reclaimed space: {HumanSize.Long(report.FreedBytes)}\n";
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
