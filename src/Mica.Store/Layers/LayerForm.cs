using System.Globalization;
using Mica.Layers;

namespace Mica.Store;

/// <summary>How this process can unpack layers: with what privileges it has over the file system.</summary>
internal static class LayerForm
{
    private const int CapChown = 0;
    private const int CapSysAdmin = 21;
    private const long UsualIds = 65536;

    /// <summary>
    /// Whiteout attributes of the form <c>trusted</c> take CAP_SYS_ADMIN, files of other users CAP_CHOWN, both over the whole
    /// machine and not over a user namespace only. capabilities(7).
    /// </summary>
    public static LayerApplyOptions Options { get; } = Read();

    /// <summary>The form as the catalog records it.</summary>
    public static string Text =>
        (Options.WhiteoutForm == WhiteoutForm.Trusted ? "trusted" : "user") + (Options.PreserveOwnership ? "+owners" : "");

    private static LayerApplyOptions Read()
    {
        // Ids of a user namespace are as good as real ones if it has enough of them for what images name.
        string[] map = File.ReadAllText("/proc/self/uid_map").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        bool hasOwners = map.Chunk(3).Sum(row => row.Length == 3 && long.TryParse(row[2], CultureInfo.InvariantCulture, out long count) ? count : 0) >= UsualIds;
        bool isWhole = map is ["0", "0", "4294967295"];
        const string Key = "CapEff:";
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(Key, StringComparison.Ordinal));
        ulong effective = ulong.Parse(line.AsSpan(Key.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return new LayerApplyOptions
        {
            WhiteoutForm = isWhole && (effective & (1UL << CapSysAdmin)) != 0 ? WhiteoutForm.Trusted : WhiteoutForm.User,
            PreserveOwnership = hasOwners && (effective & (1UL << CapChown)) != 0,
        };
    }
}
