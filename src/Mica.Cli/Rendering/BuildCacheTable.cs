using System.Globalization;
using Mica.Cli.Templates;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>The listing of the build cache.</summary>
internal static class BuildCacheTable
{
    private const int IdLength = 12;
    private const int MaxDescription = 60;

    /// <summary>As <c>system df -v</c> shows it.</summary>
    public static Listing Verbose { get; } = new("build cache",
    [
        new("CacheType", "CACHE TYPE"), new("CreatedAt", "CREATED AT"), new("CreatedSince", "CREATED"), new("Description", "DESCRIPTION"),
        new("ID", "CACHE ID"), new("InUse", "IN USE"), new("LastUsedAt", "LAST USED AT"), new("LastUsedSince", "LAST USED"), new("Shared", "SHARED"),
        new("Size", "SIZE"), new("UsageCount", "USAGE"),
    ])
    {
        Table = "{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}",
    };

    /// <summary>As <c>builder du</c> shows it, and what each is the result of.</summary>
    public static Listing Usage { get; } = new("build cache",
    [
        new("CreatedAt", "CREATED AT"), new("Description", "DESCRIPTION"), new("ID", "ID"), new("LastUsedSince", "LAST ACCESSED"),
        new("Reclaimable", "RECLAIMABLE"), new("Shared", "SHARED"), new("Size", "SIZE"), new("UsageCount", "USAGE"),
    ])
    {
        Table = "{{.ID}}\t{{.Reclaimable}}\t{{.Size}}\t{{.LastUsedSince}}\t{{.Description}}",
    };

    public static IEnumerable<RowValue> VerboseRows(IEnumerable<BuildRecord> records, bool truncates, DateTimeOffset now) => records.Select(record => Verbose.Row(
        "regular",
        HumanTime.Plain(record.Created),
        HumanTime.Since(record.Created, now),
        DescriptionOf(record, truncates),
        IdOf(record, truncates),
        "false",
        HumanTime.Plain(record.Used),
        HumanTime.Since(record.Used, now),
        IsShared(record) ? "true" : "false",
        HumanSize.Short(record.OwnBytes),
        record.Uses.ToString(CultureInfo.InvariantCulture)));

    public static IEnumerable<RowValue> UsageRows(IEnumerable<BuildRecord> records, bool truncates, DateTimeOffset now) => records.Select(record => Usage.Row(
        HumanTime.Plain(record.Created),
        DescriptionOf(record, truncates),
        IdOf(record, truncates),
        HumanTime.Since(record.Used, now),
        IsShared(record) ? "false" : "true",
        IsShared(record) ? "true" : "false",
        HumanSize.Short(record.OwnBytes),
        record.Uses.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Whether an image has the layer too, so that the record takes nothing of its own.</summary>
    public static bool IsShared(BuildRecord record) => record is { Layer: not null, OwnBytes: 0 };

    public static string IdOf(BuildRecord record, bool truncates)
    {
        string digest = record.Key.ToString();
        string hex = digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return truncates ? hex[..IdLength] : hex;
    }

    private static string DescriptionOf(BuildRecord record, bool truncates)
    {
        string text = TextTable.OneLine(record.Description);
        return truncates ? DisplayWidth.Ellipsis(text, MaxDescription) : text;
    }
}
