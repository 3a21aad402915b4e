using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>Names and identifiers of containers.</summary>
internal static partial class ContainerNames
{
    private static readonly string[] s_first =
    [
        "agile", "amber", "ample", "azure", "brave", "breezy", "bright", "brisk", "calm", "candid", "cheery", "clever", "cosy", "crisp", "daring",
        "deft", "eager", "early", "elated", "fair", "famous", "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand", "happy", "hardy",
        "honest", "humble", "jolly", "keen", "kind", "lively", "loyal", "lucid", "merry", "mighty", "modest", "neat", "nimble", "noble", "patient",
        "placid", "polite", "proud", "quick", "quiet", "rapid", "ready", "serene", "sharp", "silent", "smart", "snug", "solid", "spry", "steady",
        "sunny", "swift", "tidy", "vivid", "warm", "wise", "witty", "zesty",
    ];

    private static readonly string[] s_second =
    [
        "agate", "basalt", "beryl", "biotite", "calcite", "chalk", "chert", "citrine", "cobalt", "copper", "coral", "diorite", "dolomite", "emerald",
        "feldspar", "flint", "fluorite", "gabbro", "galena", "garnet", "gneiss", "granite", "graphite", "gypsum", "halite", "hematite", "jade", "jasper",
        "jet", "kyanite", "lapis", "limestone", "magnetite", "malachite", "marble", "marl", "mica", "obsidian", "olivine", "onyx", "opal", "pearl",
        "peridot", "pumice", "pyrite", "quartz", "ruby", "rutile", "sandstone", "sapphire", "schist", "selenite", "shale", "slate", "spinel", "sulfur",
        "talc", "topaz", "tuff", "turquoise", "zeolite", "zircon",
    ];

    /// <summary>64 random hexadecimal digits, of which the first twelve are no number, so that they are not taken for one.</summary>
    public static string NewId()
    {
        while (true)
        {
            string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
            if (!id[..12].All(char.IsAsciiDigit))
            {
                return id;
            }
        }
    }

    /// <summary>A name that nobody chose.</summary>
    public static string NewName(int attempt)
    {
        string name = $"{s_first[RandomNumberGenerator.GetInt32(s_first.Length)]}_{s_second[RandomNumberGenerator.GetInt32(s_second.Length)]}";
        return attempt == 0 ? name : name + RandomNumberGenerator.GetInt32(10 * attempt).ToString(null, null);
    }

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a name.</exception>
    public static string Check(string name)
    {
        string bare = name.StartsWith('/') ? name[1..] : name;
        return Pattern().IsMatch(bare) ? bare : throw new MicaException(
            ErrorKind.InvalidArgument, $"invalid container name ({Printable.Of(name)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    }

    [GeneratedRegex(@"\A[a-zA-Z0-9][a-zA-Z0-9_.-]{1,253}\z")]
    private static partial Regex Pattern();
}
