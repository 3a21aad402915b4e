using System.Globalization;

namespace Mica.Runtime;

/// <summary>What the kernel does with programs that it cannot run itself, one file each. Documentation/admin-guide/binfmt-misc.rst.</summary>
/// <param name="Name">Of the handler.</param>
/// <param name="Interpreter">The program that runs them.</param>
/// <param name="IsFixed">The interpreter was opened when it was registered, so that it is there in every root (flag F).</param>
internal sealed record BinfmtHandler(string Name, string Interpreter, bool IsFixed)
{
    /// <summary>The enabled handlers of programs that begin with <paramref name="head"/>; those that work in containers first.</summary>
    public static IEnumerable<BinfmtHandler> For(ReadOnlySpan<byte> head, string directory)
    {
        var found = new List<BinfmtHandler>();
        if (!Directory.Exists(directory) || Read(Path.Combine(directory, "status")) is not ["enabled", ..])
        {
            return found;
        }

        foreach (string file in Directory.GetFiles(directory).Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(file) is not ("status" or "register") && Read(file) is ["enabled", ..] lines && Matches(lines, head))
            {
                found.Add(new BinfmtHandler(Path.GetFileName(file), Value(lines, "interpreter ") ?? "", Value(lines, "flags: ")?.Contains('F', StringComparison.Ordinal) == true));
            }
        }

        return found.OrderByDescending(handler => handler.IsFixed);
    }

    private static bool Matches(string[] lines, ReadOnlySpan<byte> head)
    {
        byte[]? magic = Bytes(Value(lines, "magic ")), mask = Bytes(Value(lines, "mask "));
        if (magic is null || !int.TryParse(Value(lines, "offset ") ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out int offset)
            || offset + magic.Length > head.Length)
        {
            return false;
        }

        for (int i = 0; i < magic.Length; i++)
        {
            int bits = mask is null ? 0xff : i < mask.Length ? mask[i] : 0;
            if (((head[offset + i] ^ magic[i]) & bits) != 0)
            {
                return false;
            }
        }

        return true;
    }

    private static string? Value(string[] lines, string name) =>
        lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?[name.Length..].Trim();

    private static byte[]? Bytes(string? hex)
    {
        try
        {
            return hex is null ? null : Convert.FromHexString(hex);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Null for what cannot be read, or went away.</summary>
    private static string[]? Read(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
