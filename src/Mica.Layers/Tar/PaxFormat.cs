using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Mica.Layers;

/// <summary>The pax records that an entry needs beside its ustar header, sorted by keyword as Go writes them.</summary>
internal static class PaxFormat
{
    private const int IdDigits = 7;
    private const int SizeDigits = 11;

    /// <summary>Why the reader would refuse the entry's extended attributes, or null.</summary>
    public static string? CheckXattrs(TarEntry entry)
    {
        if (entry.Xattrs.Count == 0)
        {
            return null;
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach ((string name, byte[] value) in entry.Xattrs)
        {
            string? problem = PaxAttributes.IsXattrName(name) ? null : "has a malformed name of an extended attribute";
            problem ??= value.Length > PaxAttributes.MaxXattrValue ? "has an extended attribute of more than 64 KiB" : null;
            problem ??= names.Add(name) ? null : "has an extended attribute twice";
            if (problem is not null)
            {
                return problem;
            }
        }

        return names.Count > PaxAttributes.MaxXattrs ? $"has {names.Count} extended attributes" : null;
    }

    /// <summary>Empty when the header block says everything.</summary>
    public static byte[] Records(TarEntry entry)
    {
        var records = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        AddNames(records, entry);
        AddNumber(records, "uid", entry.Uid, IdDigits);
        AddNumber(records, "gid", entry.Gid, IdDigits);
        AddNumber(records, "size", entry.Size, SizeDigits);
        if (entry.ModificationTime.Nanoseconds != 0 || !TarFormat.FitsOctal(entry.ModificationTime.Seconds, SizeDigits))
        {
            records["mtime"] = Time(entry.ModificationTime);
        }

        if (entry.AccessTime is { } access)
        {
            records["atime"] = Time(access);
        }

        if (entry.ChangeTime is { } change)
        {
            records["ctime"] = Time(change);
        }

        foreach (Xattr xattr in entry.Xattrs)
        {
            // The first "=" ends a keyword; GNU tar and libarchive escape it so.
            string name = xattr.Name.Replace("%", "%25", StringComparison.Ordinal).Replace("=", "%3D", StringComparison.Ordinal);
            records["SCHILY.xattr." + name] = xattr.Value;
        }

        using var body = new MemoryStream();
        foreach ((string key, byte[] value) in records)
        {
            WriteRecord(body, key, value);
        }

        return body.ToArray();
    }

    /// <summary>The length in front of a record counts its own digits.</summary>
    public static void WriteRecord(Stream body, string key, ReadOnlySpan<byte> value)
    {
        byte[] keyword = Encoding.UTF8.GetBytes(key);
        int rest = keyword.Length + value.Length + 3;
        int length = rest;
        while (length != rest + Digits(length))
        {
            length = rest + Digits(length);
        }

        body.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{length} ")));
        body.Write(keyword);
        body.Write("="u8);
        body.Write(value);
        body.Write("\n"u8);
    }

    public static byte[] Time(UnixTime time)
    {
        bool negative = time.Seconds < 0;
        long seconds = negative && time.Nanoseconds > 0 ? time.Seconds + 1 : time.Seconds;
        int nanoseconds = negative && time.Nanoseconds > 0 ? 1_000_000_000 - time.Nanoseconds : time.Nanoseconds;
        string whole = seconds.ToString(CultureInfo.InvariantCulture).TrimStart('-');
        string fraction = nanoseconds.ToString("d9", CultureInfo.InvariantCulture).TrimEnd('0');
        return Encoding.ASCII.GetBytes((negative ? "-" : "") + whole + (fraction.Length > 0 ? "." + fraction : ""));
    }

    private static void AddNames(SortedDictionary<string, byte[]> records, TarEntry entry)
    {
        ReadOnlySpan<byte> path = entry.Path.Bytes;
        ReadOnlySpan<byte> link = entry.LinkTarget.Bytes;
        if (!TarFormat.Fits(path))
        {
            records["path"] = path.ToArray();
        }

        if (link.Length > 100 || !Ascii.IsValid(link))
        {
            records["linkpath"] = link.ToArray();
        }

        if (!Utf8.IsValid(path) || !Utf8.IsValid(link))
        {
            // Records are UTF-8 unless this says that they are not.
            records["hdrcharset"] = "BINARY"u8.ToArray();
        }
    }

    private static void AddNumber(SortedDictionary<string, byte[]> records, string key, long value, int digits)
    {
        if (!TarFormat.FitsOctal(value, digits))
        {
            records[key] = Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;
}
