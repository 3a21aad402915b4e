using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// What pax headers say about the entry that follows, each keyword with its last value. An empty value takes a keyword back,
/// so that the header block's field counts again; only an extended attribute may be empty.
/// </summary>
internal sealed class PaxAttributes
{
    /// <summary>Far more than a file system holds for one file; looking for an equal name is quadratic.</summary>
    public const int MaxXattrs = 1024;

    private const int MaxXattrName = 255;
    public const int MaxXattrValue = 64 << 10;

    public LinuxPath? Path { get; private set; }

    public LinuxPath? LinkTarget { get; private set; }

    public long? Size { get; private set; }

    public uint? Uid { get; private set; }

    public uint? Gid { get; private set; }

    public UnixTime? ModificationTime { get; private set; }

    public UnixTime? AccessTime { get; private set; }

    public UnixTime? ChangeTime { get; private set; }

    public List<Xattr>? Xattrs { get; private set; }

    /// <summary>Null unless the file is sparse by one of GNU's pax conventions.</summary>
    public PaxSparse? Sparse { get; private set; }

    /// <summary>A copy to change for one entry.</summary>
    public PaxAttributes Clone()
    {
        var clone = (PaxAttributes)MemberwiseClone();
        clone.Xattrs = Xattrs is null ? null : [.. Xattrs];
        return clone;
    }

    /// <summary>Takes the records of one extended header.</summary>
    /// <param name="body">The header's content.</param>
    /// <param name="global">The header is for all entries that follow, so it may not hold what only one entry can have.</param>
    public void Apply(ReadOnlySpan<byte> body, bool global)
    {
        var records = new PaxRecords(body);
        while (records.MoveNext())
        {
            Apply(records.Key, records.Value, global);
        }
    }

    private void Apply(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool global)
    {
        bool given = !value.IsEmpty;
        switch (key)
        {
            case var _ when key.SequenceEqual("mtime"u8):
                ModificationTime = given ? Time(value, "mtime") : null;
                break;
            case var _ when key.SequenceEqual("atime"u8):
                AccessTime = given ? Time(value, "atime") : null;
                break;
            case var _ when key.SequenceEqual("ctime"u8):
                ChangeTime = given ? Time(value, "ctime") : null;
                break;
            case var _ when key.SequenceEqual("uid"u8):
                Uid = given ? Id(value, "uid") : null;
                break;
            case var _ when key.SequenceEqual("gid"u8):
                Gid = given ? Id(value, "gid") : null;
                break;
            case var _ when key.StartsWith("SCHILY.xattr."u8):
                SetXattr(DecodeEquals(key["SCHILY.xattr.".Length..]), value.ToArray());
                break;
            case var _ when key.StartsWith("LIBARCHIVE.xattr."u8):
                SetXattr(DecodePercent(key["LIBARCHIVE.xattr.".Length..]), DecodeBase64(value));
                break;
            case var _ when !IsOfOneEntry(key):
                break;
            case var _ when global:
                throw new MicaException(ErrorKind.ContentMismatch,
                    $"tar: a global pax header sets {new LinuxPath(key)}, which only one entry can have");
            case var _ when key.SequenceEqual("path"u8):
                Path = given ? Name(value, "path") : null;
                break;
            case var _ when key.SequenceEqual("linkpath"u8):
                LinkTarget = given ? Name(value, "linkpath") : null;
                break;
            case var _ when key.SequenceEqual("size"u8):
                Size = given ? Number(value, "size") : null;
                break;
            default:
                Sparse ??= new PaxSparse();
                Sparse.Apply(key, value);
                break;
        }
    }

    private static bool IsOfOneEntry(ReadOnlySpan<byte> key) =>
        key.SequenceEqual("path"u8) || key.SequenceEqual("linkpath"u8) || key.SequenceEqual("size"u8) || key.StartsWith("GNU.sparse."u8);

    /// <summary>1 to 255 bytes of UTF-8 without NUL.</summary>
    public static bool IsXattrName(string name) =>
        name.Length is > 0 and <= MaxXattrName && Encoding.UTF8.GetByteCount(name) <= MaxXattrName && !name.Contains('\0', StringComparison.Ordinal);

    private void SetXattr(ReadOnlySpan<byte> name, byte[] value)
    {
        string text = Encoding.UTF8.GetString(name);
        if (!System.Text.Unicode.Utf8.IsValid(name) || !IsXattrName(text))
        {
            throw Malformed("name of an extended attribute", name);
        }

        if (value.Length > MaxXattrValue)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"tar: extended attribute {Printable.Of(text)} has {value.Length} bytes; Linux takes {MaxXattrValue}");
        }

        Xattrs ??= [];
        int same = Xattrs.FindIndex(xattr => xattr.Name == text);
        if (same >= 0)
        {
            Xattrs[same] = new Xattr(text, value);
        }
        else if (Xattrs.Count < MaxXattrs)
        {
            Xattrs.Add(new Xattr(text, value));
        }
        else
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"tar: an entry has more than {MaxXattrs} extended attributes");
        }
    }

    internal static LinuxPath Name(ReadOnlySpan<byte> value, string key) => value.Contains((byte)0)
        ? throw new MicaException(ErrorKind.ContentMismatch, $"tar: pax {key} \"{new LinuxPath(value)}\" has a NUL in it")
        : new LinuxPath(value);

    internal static long Number(ReadOnlySpan<byte> value, string key) =>
        PaxNumbers.TryNumber(value, out long number) ? number : throw Malformed("pax " + key, value);

    private static UnixTime Time(ReadOnlySpan<byte> value, string key) =>
        PaxNumbers.TryTime(value, out UnixTime time) ? time : throw Malformed("pax " + key, value);

    private static uint Id(ReadOnlySpan<byte> value, string key) => Number(value, key) is var id and <= TarEntry.MaxId
        ? (uint)id
        : throw Malformed("pax " + key, value);

    /// <summary>libarchive writes the value in base 64 and leaves out the padding.</summary>
    private static byte[] DecodeBase64(ReadOnlySpan<byte> value)
    {
        Span<byte> padded = new byte[(value.Length + 3) & ~3];
        value.CopyTo(padded);
        padded[value.Length..].Fill((byte)'=');
        byte[] decoded = new byte[Base64.GetMaxDecodedFromUtf8Length(padded.Length)];
        return Base64.DecodeFromUtf8(padded, decoded, out _, out int length) == OperationStatus.Done
            ? decoded[..length]
            : throw Malformed("base 64 of an extended attribute", value);
    }

    /// <summary>A keyword ends at the first "=", so GNU tar and libarchive write "=" in a name as "%3D", and "%" as "%25".</summary>
    private static ReadOnlySpan<byte> DecodeEquals(ReadOnlySpan<byte> name) => name.Contains((byte)'%')
        ? Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(name)
            .Replace("%3D", "=", StringComparison.Ordinal).Replace("%25", "%", StringComparison.Ordinal))
        : name;

    private static ReadOnlySpan<byte> DecodePercent(ReadOnlySpan<byte> name)
    {
        if (!name.Contains((byte)'%'))
        {
            return name;
        }

        var decoded = new List<byte>(name.Length);
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] == '%' && Utf8Parser.TryParse(name[(i + 1)..Math.Min(i + 3, name.Length)], out byte value, out int used, 'x') && used == 2)
            {
                decoded.Add(value);
                i += 2;
            }
            else
            {
                decoded.Add(name[i]);
            }
        }

        return decoded.ToArray();
    }

    private static MicaException Malformed(string what, ReadOnlySpan<byte> value) =>
        new(ErrorKind.ContentMismatch, $"tar: malformed {what}: \"{new LinuxPath(value)}\"");
}
