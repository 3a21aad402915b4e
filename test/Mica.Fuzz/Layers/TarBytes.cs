using System.Text;
using Mica.Layers;

namespace Mica.Fuzz.Layers;

/// <summary>Archives for the targets that read tar: those of other people's writers, and new ones by chance.</summary>
internal static class TarBytes
{
    private const int Block = 512;
    private const int ChecksumAt = 148;

    /// <summary>The corpus, decompressed.</summary>
    public static IReadOnlyList<byte[]> Corpus { get; } = [.. Testdata.ReadAll("tar", "*.tar.gz").Select(Decompress)];

    public static IReadOnlyList<byte[]> Words { get; } =
    [
        .. Testdata.Bytes(
            "ustar\00000", "ustar  \0", "../", "/", "./", "a/../../b", ".wh.", ".wh..wh..opq", ".wh..wh.plnk/", "././@LongLink",
            "17 path=../../x\n", "12 size=512\n", "9 uid=-1\n", "22 GNU.sparse.major=1\n", "22 GNU.sparse.minor=0\n",
            "28 GNU.sparse.realsize=1024\n", "23 GNU.sparse.map=0,512\n", "35 SCHILY.xattr.user.overlay.opaque=y\n", "20 mtime=-1.999999999\n",
            "33 SCHILY.xattr.trusted.overlay.x=y\n", "17 linkpath=/etc\n", "00000000000\0", "77777777777\0", "\0\0\0\0\0\0\0\0"),
        .. "01234567LKxgSDVMNAX"u8.ToArray().Select(type => new[] { type }),
        [0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        new byte[Block],
    ];

    /// <summary>Makes the checksums right again, as far as the sizes lead from header to header; sometimes leaves one wrong.</summary>
    public static byte[] WithChecksums(byte[] archive, Random random)
    {
        byte[] result = [.. archive];
        for (long at = 0; at + Block <= result.Length;)
        {
            Span<byte> header = result.AsSpan((int)at, Block);
            at += Block;
            if (!header.ContainsAnyExcept((byte)0))
            {
                continue;
            }

            if (random.Next(50) > 0)
            {
                SetChecksum(header);
            }

            long size = Octal(header.Slice(124, 12));
            at += size <= result.Length ? (size + Block - 1) / Block * Block : 0;
        }

        return result;
    }

    /// <summary>A small archive that tries to get somewhere: few names, so that entries meet, and links to everywhere.</summary>
    public static byte[] Generate(Random random)
    {
        using var archive = new MemoryStream();
        var writer = new TarWriter(archive);
        for (int count = 1 + random.Next(14); count > 0; count--)
        {
            TarEntry entry = Entry(random);
            byte[] content = new byte[entry.Kind == TarEntryKind.File ? random.Next(3) * random.Next(700) : 0];
            writer.Write(entry with { Size = content.Length }, content);
        }

        writer.Finish();
        return archive.ToArray();
    }

    private static byte[] Decompress(byte[] compressed)
    {
        using Stream tar = LayerDecompressor.Open(new MemoryStream(compressed), out _);
        using var content = new MemoryStream();
        tar.CopyTo(content);
        return content.ToArray();
    }

    private static TarEntry Entry(Random random)
    {
        TarEntryKind kind = Mutator.Pick(s_kinds, random);
        return new TarEntry
        {
            Kind = kind,
            Path = new LinuxPath(Name(random)),
            LinkTarget = kind is TarEntryKind.HardLink or TarEntryKind.SymbolicLink ? new LinuxPath(Target(random)) : default,
            Mode = random.Next(2) == 0 ? 0x1ed : random.Next(0x1000),
            Uid = (uint)random.Next(3),
            Gid = (uint)random.Next(3),
            ModificationTime = new UnixTime(random.Next(), random.Next(2) * random.Next(1_000_000_000)),
            DeviceMinor = random.Next(2),
            Xattrs = random.Next(8) == 0 ? [new Xattr(Mutator.Pick(s_xattrs, random), [(byte)'y'])] : [],
        };
    }

    private static string Name(Random random)
    {
        var name = new StringBuilder(Mutator.Pick(s_leads, random));
        for (int depth = 1 + random.Next(3); depth > 0; depth--)
        {
            name.Append(Mutator.Pick(s_names, random)).Append(depth > 1 ? "/" : "");
        }

        return name.ToString();
    }

    private static string Target(Random random) => random.Next(3) == 0 ? Name(random) : Mutator.Pick(s_targets, random);

    private static void SetChecksum(Span<byte> header)
    {
        Span<byte> field = header.Slice(ChecksumAt, 8);
        field.Fill((byte)' ');
        int sum = 0;
        foreach (byte one in header)
        {
            sum += one;
        }

        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(field);
    }

    private static long Octal(ReadOnlySpan<byte> field)
    {
        long number = 0;
        foreach (byte digit in field)
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                break;
            }

            number = (number * 8) + digit - '0';
        }

        return number;
    }

    private static readonly TarEntryKind[] s_kinds =
    [
        TarEntryKind.File, TarEntryKind.File, TarEntryKind.Directory, TarEntryKind.Directory, TarEntryKind.SymbolicLink,
        TarEntryKind.SymbolicLink, TarEntryKind.SymbolicLink, TarEntryKind.HardLink, TarEntryKind.HardLink, TarEntryKind.Fifo,
        TarEntryKind.CharacterDevice, TarEntryKind.BlockDevice,
    ];

    private static readonly string[] s_leads = ["", "", "", "", "./", "/", "../", "//", "x/../"];

    private static readonly string[] s_names =
        ["a", "b", "a", "b", "c", ApplyTarget.Canary, ".", "..", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh..", ".wh...", ".wh..wh.aufs", "é"];

    private static readonly string[] s_targets =
        ["../outside", "../../outside", "../outside/sentinel", "/", ".", "..", "a", "b", "a/b", "../a", "/a", "a/..", "../../../../../../../..", "/proc/self/root"];

    private static readonly string[] s_xattrs =
        ["user.a", "user.overlay.opaque", "trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.redirect", "security.capability"];
}
