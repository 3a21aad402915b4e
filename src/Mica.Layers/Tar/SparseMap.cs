using Mica.Oci;

namespace Mica.Layers;

/// <summary>Building, reading and checking the map of a sparse file, from whichever of the four formats.</summary>
internal static class SparseMap
{
    /// <summary>1 MiB of memory. A file with more pieces than this was made to exhaust us.</summary>
    private const int MaxSegments = 64 << 10;

    private const int MaxNumberLength = 20;

    public static void Add(List<SparseSegment> segments, long offset, long length)
    {
        if (segments.Count >= MaxSegments)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"tar: a sparse file has more than {MaxSegments} pieces");
        }

        segments.Add(new SparseSegment(offset, length));
    }

    /// <summary>Takes the used slots of an old GNU header or extension block; false when an unused one ended the map.</summary>
    public static bool AddSlots(List<SparseSegment> segments, ReadOnlySpan<byte> slots)
    {
        for (; !slots.IsEmpty; slots = slots[24..])
        {
            if (slots[0] == 0)
            {
                return false;
            }

            Add(segments, TarHeader.Number(slots[..12], "sparse offset"), TarHeader.Number(slots.Slice(12, 12), "sparse length"));
        }

        return true;
    }

    /// <summary>
    /// Version 1.0: a decimal count and as many pairs of numbers, each on its line, padded to a block.
    /// <paramref name="stored"/> is what the content has, and after the call what is left of it.
    /// </summary>
    public static List<SparseSegment> ReadFromContent(TarInput input, ref long stored)
    {
        long start = input.Position;
        long end = start + stored;
        long count = ReadLine(input, end);
        var segments = new List<SparseSegment>();
        while (count-- > 0)
        {
            long offset = ReadLine(input, end);
            Add(segments, offset, ReadLine(input, end));
        }

        long used = input.Position - start;
        long padding = -used & (TarInput.BlockSize - 1);
        if (used + padding > stored)
        {
            throw Malformed();
        }

        input.Skip(padding);
        stored -= used + padding;
        return segments;
    }

    /// <summary>The segments with data, after checking that they are in order, inside the file, and as long as what is stored.</summary>
    public static List<SparseSegment> Check(List<SparseSegment> segments, long size, long stored)
    {
        long end = 0;
        long sum = 0;
        foreach ((long offset, long length) in segments)
        {
            if (offset < end || length < 0 || offset > size || length > size - offset)
            {
                throw Malformed();
            }

            end = offset + length;
            sum += length;
        }

        segments.RemoveAll(segment => segment.Length == 0);
        return sum == stored ? segments : throw Malformed();
    }

    public static MicaException Malformed() => new(ErrorKind.ContentMismatch, "tar: the map of a sparse file is malformed");

    private static long ReadLine(TarInput input, long end)
    {
        Span<byte> line = stackalloc byte[MaxNumberLength];
        for (int length = 0; length < line.Length && input.Position < end; length++)
        {
            byte next = input.PeekOrThrow(1)[0];
            input.Advance(1);
            if (next == '\n')
            {
                return PaxNumbers.TryNumber(line[..length], out long number) ? number : throw Malformed();
            }

            line[length] = next;
        }

        throw Malformed();
    }
}
