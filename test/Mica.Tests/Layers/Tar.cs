using System.Text;
using Mica.Layers;

namespace Mica.Tests.Layers;

/// <summary>
/// A small language for archives in tests: <c>Tar.Of(Dir("etc"), File("etc/a", "x"), Whiteout("b"))</c>, with
/// <c>using static Mica.Tests.Layers.Tar</c>. What no honest writer writes is made by <see cref="Raw"/>.
/// </summary>
internal static class Tar
{
    /// <summary>The mtime that members have unless they say otherwise: 2024-01-02T03:04:05Z.</summary>
    public static readonly UnixTime DefaultTime = new(1704164645, 0);

    /// <summary>A whole archive with its end.</summary>
    public static byte[] Of(params ReadOnlySpan<Member> members) => [.. WithoutEnd(members), .. new byte[1024]];

    /// <summary>An archive that stops after its last member.</summary>
    public static byte[] WithoutEnd(params ReadOnlySpan<Member> members)
    {
        using var archive = new MemoryStream();
        foreach (Member member in members)
        {
            archive.Write(member.Bytes);
        }

        return archive.ToArray();
    }

    public static Member Of(TarEntry entry, ReadOnlySpan<byte> content = default)
    {
        using var archive = new MemoryStream();
        new TarWriter(archive).Write(entry with { Size = content.Length }, content);
        return new Member(archive.ToArray());
    }

    public static Member Dir(string path, int mode = 0x1ed /* 0755 */, uint uid = 0, uint gid = 0, UnixTime? time = null) =>
        Of(Entry(TarEntryKind.Directory, path, mode, uid, gid, time));

    public static Member File(
        string path, string content = "", int mode = 0x1a4 /* 0644 */, uint uid = 0, uint gid = 0, UnixTime? time = null,
        params Xattr[] xattrs) =>
        Of(Entry(TarEntryKind.File, path, mode, uid, gid, time) with { Xattrs = xattrs }, Encoding.UTF8.GetBytes(content));

    public static Member File(string path, byte[] content) => Of(Entry(TarEntryKind.File, path, 0x1a4, 0, 0, null), content);

    public static Member Symlink(string path, string target, uint uid = 0, uint gid = 0) =>
        Of(Entry(TarEntryKind.SymbolicLink, path, 0x1ff, uid, gid, null) with { LinkTarget = new LinuxPath(target) });

    public static Member Hard(string path, string target) =>
        Of(Entry(TarEntryKind.HardLink, path, 0x1a4, 0, 0, null) with { LinkTarget = new LinuxPath(target) });

    public static Member Fifo(string path, int mode = 0x1a4) => Of(Entry(TarEntryKind.Fifo, path, mode, 0, 0, null));

    public static Member CharDevice(string path, int major, int minor) =>
        Of(Entry(TarEntryKind.CharacterDevice, path, 0x1b6, 0, 0, null) with { DeviceMajor = major, DeviceMinor = minor });

    public static Member BlockDevice(string path, int major, int minor) =>
        Of(Entry(TarEntryKind.BlockDevice, path, 0x1b0, 0, 0, null) with { DeviceMajor = major, DeviceMinor = minor });

    /// <summary>Says that <paramref name="path"/> of a lower layer is gone.</summary>
    public static Member Whiteout(string path)
    {
        int slash = path.LastIndexOf('/');
        return File(path[..(slash + 1)] + ".wh." + path[(slash + 1)..], "", mode: 0);
    }

    /// <summary>Says that nothing of the lower layers' <paramref name="directory"/> shows.</summary>
    public static Member Opaque(string directory) => File(directory.TrimEnd('/') + "/.wh..wh..opq", "", mode: 0);

    /// <summary>
    /// One header with exactly these fields, each cut or padded with NULs to its place and otherwise as given, then the content
    /// padded to a block. The checksum is right unless one is given.
    /// </summary>
    public static Member Raw(
        string name = "", char type = '0', string mode = "0000644", string uid = "0000000", string gid = "0000000",
        string? size = null, string mtime = "14544676345", string link = "", string magic = "ustar\0" + "00",
        string major = "", string minor = "", string prefix = "", string? checksum = null, byte[]? content = null,
        Action<byte[]>? change = null)
    {
        content ??= [];
        byte[] block = new byte[512];
        Put(block, 0, 100, name);
        Put(block, 100, 8, mode);
        Put(block, 108, 8, uid);
        Put(block, 116, 8, gid);
        Put(block, 124, 12, size ?? Convert.ToString(content.Length, 8).PadLeft(11, '0'));
        Put(block, 136, 12, mtime);
        block[156] = (byte)type;
        Put(block, 157, 100, link);
        Put(block, 257, 8, magic);
        Put(block, 329, 8, major);
        Put(block, 337, 8, minor);
        Put(block, 345, 155, prefix);
        change?.Invoke(block);
        block.AsSpan(148, 8).Fill((byte)' ');
        int sum = block.Sum(one => one);
        Put(block, 148, 8, checksum ?? Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ");
        return new Member([.. block, .. content, .. new byte[-content.Length & 511]]);
    }

    /// <summary>A pax header for the member that follows; values are Latin-1, so that "\u00e9" is the byte E9.</summary>
    public static Member Pax(params ReadOnlySpan<(string Key, string Value)> records) => Raw("PaxHeaders.0/x", 'x', content: PaxBody(records));

    /// <summary>A pax header for all members that follow.</summary>
    public static Member GlobalPax(params ReadOnlySpan<(string Key, string Value)> records) =>
        Raw("GlobalHead.0.0", 'g', content: PaxBody(records));

    public static byte[] PaxBody(params ReadOnlySpan<(string Key, string Value)> records)
    {
        using var body = new MemoryStream();
        foreach ((string key, string value) in records)
        {
            PaxFormat.WriteRecord(body, key, Encoding.Latin1.GetBytes(value));
        }

        return body.ToArray();
    }

    private static TarEntry Entry(TarEntryKind kind, string path, int mode, uint uid, uint gid, UnixTime? time) => new()
    {
        Kind = kind,
        Path = new LinuxPath(path),
        Mode = mode,
        Uid = uid,
        Gid = gid,
        ModificationTime = time ?? DefaultTime,
    };

    private static void Put(byte[] block, int offset, int length, string text)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        bytes.AsSpan(0, Math.Min(bytes.Length, length)).CopyTo(block.AsSpan(offset));
    }

    /// <summary>The blocks of one member, its extended headers included.</summary>
    internal sealed record Member(byte[] Bytes);
}
