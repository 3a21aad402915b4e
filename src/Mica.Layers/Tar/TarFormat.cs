using System.Text;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// An entry's metadata as header blocks. The choices where tar leaves one are those of Go's <c>archive/tar</c>, which writes most
/// layers there are: fields that do not fit are zero or cut, and the pax header has the truth.
/// </summary>
internal static class TarFormat
{
    private const int MaxPaxLength = 1 << 20;

    /// <summary>The entry's blocks: a pax header and its records, if any are needed, and the ustar header.</summary>
    public static byte[] Headers(TarEntry entry)
    {
        Check(entry);
        byte[] records = PaxFormat.Records(entry);
        if (records.Length > MaxPaxLength)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"tar: {entry.Path} has {records.Length} bytes of metadata; at most {MaxPaxLength} are possible");
        }

        int padded = (records.Length + TarInput.BlockSize - 1) & ~(TarInput.BlockSize - 1);
        byte[] blocks = new byte[records.Length == 0 ? TarInput.BlockSize : padded + (2 * TarInput.BlockSize)];
        if (records.Length > 0)
        {
            WritePaxHeader(blocks, entry.Path, records.Length);
            records.CopyTo(blocks, TarInput.BlockSize);
        }

        WriteHeader(blocks.AsSpan(blocks.Length - TarInput.BlockSize), entry);
        return blocks;
    }

    /// <summary>Whether a name goes into the header block as it is: ASCII, and short enough.</summary>
    public static bool Fits(ReadOnlySpan<byte> path) =>
        Ascii.IsValid(path) && (path.Length <= 100 || TrySplit(path, out _, out _));

    public static bool FitsOctal(long value, int digits) => value >= 0 && value >> (3 * digits) == 0;

    private static void Check(TarEntry entry)
    {
        bool link = entry.Kind is TarEntryKind.HardLink or TarEntryKind.SymbolicLink;
        string? problem = CheckPath(entry.Path, "path")
            ?? (link ? CheckPath(entry.LinkTarget, "link target") : null)
            ?? (entry.Mode is < 0 or > 0xfff ? $"has the mode {entry.Mode}" : null)
            ?? (entry.Uid > TarEntry.MaxId || entry.Gid > TarEntry.MaxId ? "has an owner that Linux cannot have" : null)
            ?? (entry.Size < 0 || (entry.Size > 0 && entry.Kind != TarEntryKind.File) ? $"has the size {entry.Size}" : null)
            ?? (entry.DeviceMajor is < 0 or > 0xfff || entry.DeviceMinor is < 0 or > 0xfffff ? "has a device number that Linux cannot have" : null)
            ?? (entry.Kind == TarEntryKind.File && entry.Path.Bytes.EndsWith("/"u8) ? "is a file whose path ends with a slash" : null)
            ?? PaxFormat.CheckXattrs(entry);
        if (problem is not null)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"tar: {entry.Path} {problem}");
        }
    }

    private static string? CheckPath(LinuxPath path, string what) =>
        path.IsEmpty ? $"has an empty {what}"
        : path.Length > TarReader.MaxPathLength ? $"has a {what} of {path.Length} bytes; at most {TarReader.MaxPathLength} are possible"
        : path.Bytes.Contains((byte)0) ? $"has a NUL in its {what}"
        : null;

    private static void WritePaxHeader(Span<byte> block, LinuxPath path, int length)
    {
        ReadOnlySpan<byte> bytes = path.Bytes;
        int slash = bytes.LastIndexOf((byte)'/');
        byte[] name = [.. bytes[..(slash + 1)], .. "PaxHeaders.0/"u8, .. bytes[(slash + 1)..]];
        WriteText(block[..100], name);
        WriteFields(block, 'x', mode: 0, uid: 0, gid: 0, length, seconds: 0, major: 0, minor: 0);
    }

    private static void WriteHeader(Span<byte> block, TarEntry entry)
    {
        ReadOnlySpan<byte> path = entry.Path.Bytes;
        if (path.Length > 100 && Ascii.IsValid(path) && TrySplit(path, out int prefix, out int name))
        {
            path[..prefix].CopyTo(block.Slice(345, 155));
            path[name..].CopyTo(block);
        }
        else
        {
            WriteText(block[..100], path);
        }

        WriteText(block.Slice(157, 100), entry.LinkTarget.Bytes);
        char type = entry.Kind switch
        {
            TarEntryKind.File => '0',
            TarEntryKind.HardLink => '1',
            TarEntryKind.SymbolicLink => '2',
            TarEntryKind.CharacterDevice => '3',
            TarEntryKind.BlockDevice => '4',
            TarEntryKind.Directory => '5',
            TarEntryKind.Fifo => '6',
            _ => throw new MicaException(ErrorKind.InvalidArgument, $"tar: {entry.Path} is of no kind"),
        };
        WriteFields(block, type, entry.Mode, entry.Uid, entry.Gid, entry.Size, entry.ModificationTime.Seconds, entry.DeviceMajor, entry.DeviceMinor);
    }

    /// <summary>Everything but the names, and the checksum last.</summary>
    private static void WriteFields(
        Span<byte> block, char type, int mode, uint uid, uint gid, long size, long seconds, int major, int minor)
    {
        WriteOctal(block.Slice(100, 8), mode);
        WriteOctal(block.Slice(108, 8), uid);
        WriteOctal(block.Slice(116, 8), gid);
        WriteOctal(block.Slice(124, 12), size);
        WriteOctal(block.Slice(136, 12), seconds);
        block[156] = (byte)type;
        "ustar\0"u8.CopyTo(block[257..]);
        "00"u8.CopyTo(block[263..]);
        WriteOctal(block.Slice(329, 8), major);
        WriteOctal(block.Slice(337, 8), minor);

        block.Slice(148, 8).Fill((byte)' ');
        int sum = 0;
        foreach (byte one in block)
        {
            sum += one;
        }

        WriteOctal(block.Slice(148, 7), sum);
    }

    /// <summary>Octal digits and a NUL that fill the field; zero for a number that does not fit.</summary>
    private static void WriteOctal(Span<byte> field, long value)
    {
        value = FitsOctal(value, field.Length - 1) ? value : 0;
        field[^1] = 0;
        for (int i = field.Length - 2; i >= 0; i--)
        {
            field[i] = (byte)('0' + (value & 7));
            value >>= 3;
        }
    }

    /// <summary>As much of the text's ASCII as there is room for.</summary>
    private static void WriteText(Span<byte> field, ReadOnlySpan<byte> text)
    {
        int length = 0;
        foreach (byte one in text)
        {
            if (one < 0x80 && length < field.Length)
            {
                field[length++] = one;
            }
        }

        // A reader without pax would take a file whose name was cut behind a slash for a directory.
        while (text.Length > field.Length && length > 0 && field[length - 1] == '/')
        {
            field[--length] = 0;
        }
    }

    /// <summary>Splits at a slash so that the first part fits the prefix field and the second the name field.</summary>
    private static bool TrySplit(ReadOnlySpan<byte> path, out int prefix, out int name)
    {
        // A slash at the end belongs to the name.
        ReadOnlySpan<byte> searched = path[..Math.Min(path.Length - 1, 156)];
        prefix = searched.LastIndexOf((byte)'/');
        name = prefix + 1;
        return prefix > 0 && path.Length - name <= 100;
    }
}
