using System.IO.Hashing;

namespace Mica.Layers;

/// <summary>
/// The content of a gzip file (RFC 1952): all its members one after the other, each with its checksum and length verified. Zeros
/// behind the last member are padding; anything else there is an error, and so is an end before the end.
/// </summary>
internal sealed class GzipReadStream : ReadStream
{
    private readonly CompressedInput _input;
    private readonly Inflater _inflater;
    private readonly Crc32 _crc = new();
    private uint _length;
    private bool _ended;

    public GzipReadStream(Stream inner)
    {
        _input = new CompressedInput(inner, "gzip");
        _inflater = new Inflater(_input);
        ReadHeader();
    }

    public override int Read(Span<byte> buffer)
    {
        int total = 0;
        while (total < buffer.Length && !_ended)
        {
            int count = _inflater.Read(buffer[total..]);
            _crc.Append(buffer.Slice(total, count));
            _length += (uint)count;
            total += count;
            if (total < buffer.Length)
            {
                ReadTrailer();
            }
        }

        return total;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    private void ReadTrailer()
    {
        uint crc = ReadUInt32();
        uint length = ReadUInt32();
        if (crc != _crc.GetCurrentHashAsUInt32())
        {
            throw _input.Error("is damaged: the checksum is wrong");
        }

        if (length != _length)
        {
            throw _input.Error("is damaged: the length is wrong");
        }

        bool padded = SkipZeros();
        _ended = !_input.Fill();
        if (!_ended)
        {
            if (padded || _input.Available[0] != 0x1f)
            {
                throw _input.Error("is followed by something else");
            }

            ReadHeader();
        }
    }

    private bool SkipZeros()
    {
        bool any = false;
        while (_input.Fill())
        {
            int zeros = _input.Available.IndexOfAnyExcept((byte)0);
            _input.Position = zeros < 0 ? _input.End : _input.Position + zeros;
            any |= zeros != 0;
            if (zeros >= 0)
            {
                break;
            }
        }

        return any;
    }

    private void ReadHeader()
    {
        const int HasHeaderCrc = 2, HasExtra = 4, HasName = 8, HasComment = 16, Reserved = 0xe0;

        var crc = new Crc32();
        if (Next(crc) != 0x1f || Next(crc) != 0x8b || Next(crc) != 8)
        {
            throw _input.Error("has no gzip header");
        }

        byte flags = Next(crc);
        if ((flags & Reserved) != 0)
        {
            throw _input.Error("has a gzip header with unknown flags");
        }

        // Time, extra flags, operating system.
        Skip(6, crc);
        if ((flags & HasExtra) != 0)
        {
            Skip(Next(crc) | (Next(crc) << 8), crc);
        }

        for (int texts = ((flags & HasName) >> 3) + ((flags & HasComment) >> 4); texts > 0; texts--)
        {
            while (Next(crc) != 0)
            {
            }
        }

        uint computed = crc.GetCurrentHashAsUInt32() & 0xffff;
        if ((flags & HasHeaderCrc) != 0 && (_input.ReadByte() | (uint)(_input.ReadByte() << 8)) != computed)
        {
            throw _input.Error("is damaged: the checksum of the gzip header is wrong");
        }

        _inflater.Reset();
        _crc.Reset();
        _length = 0;
    }

    private void Skip(int count, Crc32 crc)
    {
        while (count-- > 0)
        {
            Next(crc);
        }
    }

    private byte Next(Crc32 crc)
    {
        byte next = _input.ReadByte();
        crc.Append([next]);
        return next;
    }

    private uint ReadUInt32() =>
        _input.ReadByte() | ((uint)_input.ReadByte() << 8) | ((uint)_input.ReadByte() << 16) | ((uint)_input.ReadByte() << 24);
}
