using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>Which of the layouts that share the first 257 bytes a header block has.</summary>
internal enum TarDialect
{
    V7,
    Ustar,
    Gnu,
    Star,
}

/// <summary>
/// One header block: where its fields are and how numbers are written in them. POSIX.1-1988 ustar, v7, GNU and star.
/// See tar(5).
/// </summary>
internal readonly ref struct TarHeader(ReadOnlySpan<byte> block)
{
    public const int SparseSlots = 4;
    public const int ExtensionSparseSlots = 21;

    private readonly ReadOnlySpan<byte> _block = block;

    public ReadOnlySpan<byte> Name => UntilNul(_block[..100]);

    public ReadOnlySpan<byte> LinkName => UntilNul(_block.Slice(157, 100));

    public ReadOnlySpan<byte> Prefix => Dialect switch
    {
        TarDialect.Ustar => UntilNul(_block.Slice(345, 155)),
        TarDialect.Star => UntilNul(_block.Slice(345, 131)),
        _ => [],
    };

    public byte Type => _block[156];

    public TarDialect Dialect
    {
        get
        {
            ReadOnlySpan<byte> magic = _block.Slice(257, 8);
            return magic.SequenceEqual("ustar  \0"u8) ? TarDialect.Gnu
                : !magic.StartsWith("ustar\0"u8) ? TarDialect.V7
                : _block[508..].SequenceEqual("tar\0"u8) ? TarDialect.Star
                : TarDialect.Ustar;
        }
    }

    public ReadOnlySpan<byte> Mode => _block.Slice(100, 8);

    public ReadOnlySpan<byte> Uid => _block.Slice(108, 8);

    public ReadOnlySpan<byte> Gid => _block.Slice(116, 8);

    public ReadOnlySpan<byte> Size => _block.Slice(124, 12);

    public ReadOnlySpan<byte> ModificationTime => _block.Slice(136, 12);

    public ReadOnlySpan<byte> DeviceMajor => _block.Slice(329, 8);

    public ReadOnlySpan<byte> DeviceMinor => _block.Slice(337, 8);

    /// <summary>Empty where the dialect has none.</summary>
    public ReadOnlySpan<byte> AccessTime => Dialect switch
    {
        TarDialect.Gnu => _block.Slice(345, 12),
        TarDialect.Star => _block.Slice(476, 12),
        _ => [],
    };

    /// <summary>Empty where the dialect has none.</summary>
    public ReadOnlySpan<byte> ChangeTime => Dialect switch
    {
        TarDialect.Gnu => _block.Slice(357, 12),
        TarDialect.Star => _block.Slice(488, 12),
        _ => [],
    };

    /// <summary>Old GNU sparse: up to four pairs of 12-byte numbers, offset and length.</summary>
    public ReadOnlySpan<byte> SparseMap => _block.Slice(386, SparseSlots * 24);

    public bool SparseMapGoesOn => _block[482] != 0;

    public ReadOnlySpan<byte> SparseRealSize => _block.Slice(483, 12);

    public bool IsZero => !_block.ContainsAnyExcept((byte)0);

    /// <summary>The sum of all bytes, the checksum field taken as spaces; some old tars summed signed bytes.</summary>
    public bool ChecksumMatches()
    {
        if (!TryNumber(_block.Slice(148, 8), out long expected))
        {
            return false;
        }

        // Four 16-bit lanes, each of which takes at most 64 * 2 * 255.
        ulong lanes = 0;
        int high = 0;
        foreach (ulong eight in MemoryMarshal.Cast<byte, ulong>(_block))
        {
            lanes += (eight & 0x00ff00ff00ff00ff) + ((eight >> 8) & 0x00ff00ff00ff00ff);
            high += BitOperations.PopCount(eight & 0x8080808080808080);
        }

        long sum = (long)((lanes & 0xffff) + ((lanes >> 16) & 0xffff) + ((lanes >> 32) & 0xffff) + (lanes >> 48));
        foreach (byte own in _block.Slice(148, 8))
        {
            sum += ' ' - own;
            high -= own >> 7;
        }

        return sum == expected || sum - (256 * high) == expected;
    }

    /// <summary>Reads octal digits between spaces and NULs, or GNU's base 256 (two's complement, the first bit set). Blank is 0.</summary>
    public static bool TryNumber(ReadOnlySpan<byte> field, out long value)
    {
        if (!field.IsEmpty && (field[0] & 0x80) != 0)
        {
            return TryBase256(field, out value);
        }

        value = 0;
        field = field.TrimStart(" \0"u8);
        int digits = 0;
        while (digits < field.Length && field[digits] is >= (byte)'0' and <= (byte)'7')
        {
            value = (value << 3) | (long)(field[digits] - '0');
            digits++;
        }

        // What follows a NUL was never written by anyone who meant it; what follows a space must not look like more digits.
        ReadOnlySpan<byte> rest = field[digits..];
        return rest.IsEmpty || rest[0] == 0 || !UntilNul(rest).ContainsAnyExcept((byte)' ');
    }

    private static bool TryBase256(ReadOnlySpan<byte> field, out long value)
    {
        bool negative = (field[0] & 0x40) != 0;
        long fill = negative ? -1 : 0;
        ReadOnlySpan<byte> low = field[^8..];
        value = BinaryPrimitives.ReadInt64BigEndian(low);
        if (field.Length == 8)
        {
            // The first bit is the marker, the second the sign.
            value = (value << 1) >> 1;
            return true;
        }

        foreach (byte high in field[1..^8])
        {
            if (high != (byte)fill)
            {
                return false;
            }
        }

        return (field[0] & 0x7f) == (fill & 0x7f) && (value < 0) == negative;
    }

    private static ReadOnlySpan<byte> UntilNul(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return end < 0 ? field : field[..end];
    }

    public static long Number(ReadOnlySpan<byte> field, string what) => TryNumber(field, out long value)
        ? value
        : throw new MicaException(ErrorKind.ContentMismatch, $"tar: a header has a malformed {what}");
}
