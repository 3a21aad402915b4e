using System.Buffers.Binary;

namespace Mica.Fuzz;

/// <summary>Makes inputs from seeds by chance. The same random numbers make the same inputs.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> seeds, IReadOnlyList<byte[]> words)
{
    public const int MaxLength = 256 << 10;

    private const int Block = 512;

    private static readonly long[] s_edges =
        [0, 1, -1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue];

    /// <summary>The words that the format has.</summary>
    public IReadOnlyList<byte[]> Words => words;

    /// <summary>A mutated seed.</summary>
    public byte[] Make(Random random) => Mutate(Pick(seeds, random), random);

    /// <summary>One to a dozen small changes, few more often than many.</summary>
    public byte[] Mutate(byte[] input, Random random)
    {
        byte[] result = input;
        for (int changes = 1 + (random.Next(4) == 0 ? random.Next(12) : random.Next(3)); changes > 0; changes--)
        {
            result = Change(result, random);
        }

        return result.Length <= MaxLength ? result : result[..MaxLength];
    }

    public static T Pick<T>(IReadOnlyList<T> items, Random random) => items[random.Next(items.Count)];

    private byte[] Change(byte[] input, Random random)
    {
        int at = random.Next(input.Length + 1);
        int length = Math.Min(input.Length - at, 1 + random.Next(random.Next(8) == 0 ? Math.Max(1, input.Length) : 16));
        switch (random.Next(14))
        {
            case 0:
                return input[..at];
            case 1:
                return Replace(input, at, length, []);
            case 2 or 3:
                return Replace(input, at, 0, Word(random));
            case 4 or 5:
                byte[] word = Word(random);
                return Replace(input, at, Math.Min(word.Length, input.Length - at), word);
            case 6:
                return Replace(input, at, 0, input.AsSpan(at, length));
            case 7:
                return Splice(input, Pick(seeds, random), random);
            case 8:
                return MoveBlock(input, random);
            case 9 when random.Next(6) == 0:
                return Repeat(input, at, Math.Min(length, 24), random);
            case 10:
                return Edge(input, at, random);
            case 11:
                return SetDigit(input, at, random);
            default:
                return Flip(input, at, random);
        }
    }

    private byte[] Word(Random random)
    {
        byte[] bytes = new byte[1 + random.Next(4)];
        random.NextBytes(bytes);
        return words.Count > 0 && random.Next(5) > 0 ? Pick(words, random) : bytes;
    }

    private static byte[] Flip(byte[] input, int at, Random random)
    {
        byte[] result = [.. input];
        if (at < result.Length)
        {
            result[at] = random.Next(2) == 0 ? (byte)(result[at] ^ (1 << random.Next(8))) : (byte)random.Next(256);
        }

        return result;
    }

    /// <summary>Numbers in text are as long as they were, so that what follows stays where it is.</summary>
    private static byte[] SetDigit(byte[] input, int at, Random random)
    {
        int digit = input.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9');
        byte[] result = [.. input];
        if (digit >= 0)
        {
            result[at + digit] = (byte)('0' + random.Next(10));
        }

        return result;
    }

    private static byte[] Edge(byte[] input, int at, Random random)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, Pick(s_edges, random));
        number = number[..(1 << random.Next(4))];
        if (random.Next(2) == 0)
        {
            number.Reverse();
        }

        byte[] result = [.. input];
        number[..Math.Min(number.Length, result.Length - at)].CopyTo(result.AsSpan(at));
        return result;
    }

    private static byte[] Splice(byte[] input, byte[] other, Random random) =>
        [.. input.AsSpan(0, random.Next(input.Length + 1)), .. other.AsSpan(random.Next(other.Length + 1))];

    /// <summary>Doubles, removes or moves 512 bytes: the unit of a tar.</summary>
    private static byte[] MoveBlock(byte[] input, Random random)
    {
        int blocks = input.Length / Block;
        if (blocks < 2)
        {
            return input;
        }

        int from = random.Next(blocks) * Block;
        int to = random.Next(blocks) * Block;
        byte[] block = input[from..(from + Block)];
        return random.Next(3) switch
        {
            0 => Replace(input, from, Block, []),
            1 => Replace(input, to, Block, block),
            _ => Replace(input, to, 0, block),
        };
    }

    /// <summary>Many times the same: what recursion and quadratic algorithms break at.</summary>
    private static byte[] Repeat(byte[] input, int at, int length, Random random)
    {
        int count = length == 0 ? 0 : Math.Min(1 << random.Next(15), (MaxLength - input.Length) / length);
        byte[] many = new byte[Math.Max(0, count) * length];
        for (int i = 0; i < many.Length; i++)
        {
            many[i] = input[at + (i % length)];
        }

        return Replace(input, at, 0, many);
    }

    private static byte[] Replace(byte[] input, int at, int length, ReadOnlySpan<byte> by) =>
        [.. input.AsSpan(0, at), .. by, .. input.AsSpan(at + length)];
}
