using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Mica.SystemTests.Lab;

/// <summary>
/// Trees of files as text, a line for each file: path, kind, mode, owner, content or target, extended attributes. Times are
/// left out. The first name of a hard-linked file has its content, the others say whose they are.
/// </summary>
public static class FileTree
{
    private const int MaxShownContent = 100;

    private const string Script = """
        cd "$1"
        find . -mindepth 1 -printf '%P\t%y\t%m\t%U:%G\t%s\t%i\t%l\0' | sort -z
        """;

    private const string Attributes = "cd \"$1\"; getfattr -R -P -h -d -e hex -m '^(user|security)\\.' . 2>/dev/null || true";

    /// <summary>The lines, sorted by path.</summary>
    public static async Task<string[]> ListAsync(string directory)
    {
        Dictionary<string, string> attributes = await AttributesAsync(directory);
        Dictionary<string, string> first = [];
        List<string> lines = [];
        foreach (string record in (await Shell.ScriptAsync(Script, directory)).Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] fields = record.Split('\t');
            (string path, string kind, string mode, string owner, string inode) = (fields[0], fields[1], fields[2], fields[3], fields[5]);
            string extended = attributes.TryGetValue(path, out string? found) ? " " + found : "";
            lines.Add(kind switch
            {
                "d" => $"{path}/ {mode} {owner}{extended}",
                "l" => $"{path} -> {fields[6]} {owner}{extended}",
                "f" when !first.TryAdd(inode, path) => $"{path} same as {first[inode]}",
                "f" => $"{path} {mode} {owner} {await ContentAsync(Path.Combine(directory, path), long.Parse(fields[4], CultureInfo.InvariantCulture))}{extended}",
                _ => $"{path} {kind} {mode} {owner}{extended}",
            });
        }

        return [.. lines.Order(StringComparer.Ordinal)];
    }

    /// <summary>Short texts as they are, anything else by its size and digest.</summary>
    private static async Task<string> ContentAsync(string file, long size)
    {
        byte[] bytes = await File.ReadAllBytesAsync(file);
        return size <= MaxShownContent && bytes.All(one => one is (byte)'\n' or >= 0x20 and < 0x7f)
            ? $"\"{Encoding.ASCII.GetString(bytes).Replace("\n", "\\n", StringComparison.Ordinal)}\""
            : $"{size} sha256:{Convert.ToHexStringLower(SHA256.HashData(bytes))}";
    }

    private static async Task<Dictionary<string, string>> AttributesAsync(string directory)
    {
        Dictionary<string, string> attributes = [];
        foreach (string block in (await Shell.ScriptAsync(Attributes, directory)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string[] lines = block.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            attributes[lines[0]["# file: ".Length..]] = string.Join(' ', lines[1..].Order(StringComparer.Ordinal));
        }

        return attributes;
    }
}
