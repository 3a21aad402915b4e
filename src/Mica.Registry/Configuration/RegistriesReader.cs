using System.Collections.Immutable;
using System.Globalization;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// Reads <c>registries.conf</c> files, version 2; a later file replaces the registries and aliases of earlier ones that have
/// the same prefix or name. containers-registries.conf(5).
/// </summary>
internal sealed class RegistriesReader
{
    private static readonly string[] s_knownKeys =
        ["unqualified-search-registries", "short-name-mode", "credential-helpers", "registry", "aliases", "registries"];

    private static readonly string[] s_registryKeys = ["prefix", "location", "insecure", "blocked", "mirror", "mirror-by-digest-only"];

    private static readonly string[] s_mirrorKeys = ["location", "insecure", "pull-from-mirror"];

    private string _path = "";

    public Dictionary<string, RegistryTable> Registries { get; } = new(StringComparer.OrdinalIgnoreCase);

    public Dictionary<string, string> Aliases { get; } = new(StringComparer.Ordinal);

    public ImmutableArray<string> SearchRegistries { get; private set; } = [];

    /// <summary>What is not understood, each with file and line.</summary>
    public List<string> Unknown { get; } = [];

    public void Read(string path, byte[] content)
    {
        _path = path;
        TomlTable root = TomlReader.Read(path, content);
        NoteUnknown(root, s_knownKeys, "");
        RefuseVersion1(root);
        if (Member(root, "unqualified-search-registries") is { } search)
        {
            SearchRegistries = TextsOf(search, "unqualified-search-registries");
        }

        if (Member(root, "credential-helpers") is { } helpers
            && TextsOf(helpers, "credential-helpers").Any(helper => helper != "containers-auth.json"))
        {
            Unknown.Add($"{At(helpers)} credential-helpers");
        }

        string mode = Text(root, "short-name-mode") ?? "";
        if (mode is not ("" or "enforcing" or "permissive" or "disabled"))
        {
            throw Malformed(root.Members["short-name-mode"], $"short-name-mode is \"{mode}\", not enforcing, permissive or disabled");
        }

        ReadRegistries(root);
        ReadAliases(root);
    }

    private void ReadRegistries(TomlTable root)
    {
        var own = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (TomlTable table in Tables(root, "registry"))
        {
            RegistryTable registry = ReadRegistry(table);
            string key = registry.Prefix + registry.PrefixSuffix;
            if (!own.Add(key))
            {
                throw Malformed(table, $"there is a [[registry]] with the prefix {key} already");
            }

            Registries[key] = registry;
        }
    }

    private RegistryTable ReadRegistry(TomlTable table)
    {
        NoteUnknown(table, s_registryKeys, "registry.");
        string? location = Text(table, "location")?.TrimEnd('/');
        string? prefix = Text(table, "prefix")?.TrimEnd('/');
        location = location is "" ? null : location;
        prefix = prefix is null or "" ? location : prefix;
        if (prefix is null)
        {
            throw Malformed(table, "[[registry]] has neither a prefix nor a location");
        }

        (string name, string suffix) = SplitPrefix(table, prefix);
        if (location is not null && location != prefix)
        {
            location = Normalize(table, "location", location);
        }

        bool byDigestOnly = Flag(table, "mirror-by-digest-only");
        return new RegistryTable
        {
            Prefix = name,
            PrefixSuffix = suffix,
            Location = location == prefix ? null : location,
            Insecure = Flag(table, "insecure"),
            Blocked = Flag(table, "blocked"),
            Mirrors = [.. Tables(table, "mirror").Select(mirror => ReadMirror(mirror, byDigestOnly))],
            Origin = At(table),
        };
    }

    private MirrorTable ReadMirror(TomlTable table, bool byDigestOnly)
    {
        NoteUnknown(table, s_mirrorKeys, "registry.mirror.");
        string location = Text(table, "location")?.TrimEnd('/') is { Length: > 0 } text
            ? Normalize(table, "location", text)
            : throw Malformed(table, "[[registry.mirror]] has no location");
        string? use = Text(table, "pull-from-mirror");
        if (byDigestOnly && use is { Length: > 0 })
        {
            throw Malformed(table, "pull-from-mirror and the registry's mirror-by-digest-only exclude each other");
        }

        return new MirrorTable(location, Flag(table, "insecure"), use switch
        {
            null or "" => byDigestOnly ? MirrorUse.DigestOnly : MirrorUse.All,
            "all" => MirrorUse.All,
            "digest-only" => MirrorUse.DigestOnly,
            "tag-only" => MirrorUse.TagOnly,
            _ => throw Malformed(table, $"pull-from-mirror is \"{use}\", not all, digest-only or tag-only"),
        });
    }

    private void ReadAliases(TomlTable root)
    {
        if (Member(root, "aliases") is not { } node)
        {
            return;
        }

        TomlTable table = node as TomlTable ?? throw Malformed(node, "aliases is not a table");
        foreach (string alias in table.Members.Keys)
        {
            string target = Text(table, alias)!;
            if (!ShortName.IsOne(alias))
            {
                throw Malformed(table.Members[alias], $"alias \"{alias}\" is not a short name without tag and digest");
            }

            if (target.Length == 0)
            {
                Aliases.Remove(alias);
            }
            else if (ImageReference.TryParse(target, out ImageReference? reference) && !ShortName.IsOne(target) && reference is { Tag: null, Digest: null })
            {
                Aliases[alias] = reference.Name;
            }
            else
            {
                throw Malformed(table.Members[alias], $"alias \"{alias}\" stands for \"{target}\", which is not a full name without tag and digest");
            }
        }
    }

    /// <summary>Its lists of blocked and insecure registries must not be lost silently.</summary>
    private void RefuseVersion1(TomlTable root)
    {
        if (Member(root, "registries") is { } version1)
        {
            throw Malformed(version1, "[registries.…] is version 1 of the format, which is not supported; write [[registry]] tables");
        }
    }

    private (string Name, string Suffix) SplitPrefix(TomlTable table, string prefix)
    {
        if (prefix.StartsWith("*.", StringComparison.Ordinal))
        {
            return !prefix.Contains('/', StringComparison.Ordinal) && !prefix.Contains(':', StringComparison.Ordinal)
                && ImageReference.TryParse(prefix[2..] + ".x/x", out _)
                ? (prefix, "")
                : throw Malformed(table, $"prefix \"{prefix}\" is not *.host");
        }

        int at = prefix.IndexOf('@', StringComparison.Ordinal);
        int colon = prefix.LastIndexOf(':');
        int end = at >= 0 ? at : colon > prefix.IndexOf('/', StringComparison.Ordinal) && prefix.Contains('/', StringComparison.Ordinal) ? colon : prefix.Length;
        if (end < prefix.Length && !ImageReference.TryParse(prefix, out _))
        {
            throw Malformed(table, $"prefix \"{prefix}\" is not an image name");
        }

        return (Normalize(table, "prefix", prefix[..end]), prefix[end..]);
    }

    /// <summary>Checks that the text is <c>host[:port][/path]</c>, which a name can follow.</summary>
    private string Normalize(TomlTable table, string key, string text)
    {
        if (text.Contains("://", StringComparison.Ordinal))
        {
            throw Malformed(table, $"{key} \"{text}\" is a URL; write host[:port][/path], and insecure = true for plain http");
        }

        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string host = slash < 0 ? text : text[..slash];
        return ImageReference.TryParse(text + "/x", out ImageReference? probe) && !ShortName.IsOne(text + "/x")
            ? probe.Domain + text[host.Length..]
            : throw Malformed(table, $"{key} \"{text}\" is not host[:port][/path]");
    }

    private void NoteUnknown(TomlTable table, string[] known, string parent) =>
        Unknown.AddRange(table.Members.Where(member => !known.Contains(member.Key)).Select(member => $"{At(member.Value)} {parent}{Printable.Of(member.Key)}"));

    private static TomlNode? Member(TomlTable table, string key) => table.Members.GetValueOrDefault(key);

    private string? Text(TomlTable table, string key) => Member(table, key) switch
    {
        null => null,
        TomlText text => text.Value,
        { } node => throw Malformed(node, $"{key} is not a string"),
    };

    private bool Flag(TomlTable table, string key) => Member(table, key) switch
    {
        null => false,
        TomlFlag flag => flag.Value,
        { } node => throw Malformed(node, $"{key} is not true or false"),
    };

    private ImmutableArray<string> TextsOf(TomlNode node, string key) => node is TomlArray array && array.Items.All(item => item is TomlText)
        ? [.. array.Items.Cast<TomlText>().Select(item => item.Value)]
        : throw Malformed(node, $"{key} is not an array of strings");

    private IEnumerable<TomlTable> Tables(TomlTable table, string key) => Member(table, key) switch
    {
        null => [],
        TomlArray array when array.Items.All(item => item is TomlTable) => array.Items.Cast<TomlTable>(),
        { } node => throw Malformed(node, $"{key} is not an array of tables: write [[{(key == "mirror" ? "registry.mirror" : key)}]]"),
    };

    private string At(TomlNode node) => string.Create(CultureInfo.InvariantCulture, $"{Printable.Of(_path)}:{node.Line}");

    private MicaException Malformed(TomlNode node, string problem) => new(ErrorKind.InvalidArgument, $"{At(node)}: {Printable.Of(problem)}");
}
