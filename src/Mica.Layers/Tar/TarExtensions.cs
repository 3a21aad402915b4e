using Mica.Oci;

namespace Mica.Layers;

/// <summary>What the headers in front of an entry say about it: pax headers, local and global, and GNU's long names.</summary>
internal sealed class TarExtensions(TarInput input)
{
    private const int MaxPaxLength = 1 << 20;
    private const int MaxLongNameLength = 64 << 10;

    private readonly PaxAttributes _global = new();
    private PaxAttributes? _local;
    private long _localLength;
    private long _globalLength;
    private LinuxPath? _longName;
    private LinuxPath? _longLink;
    private byte[] _body = [];

    /// <summary>The global attributes with the local ones over them.</summary>
    public PaxAttributes Pax => _local ?? _global;

    public LinuxPath? Path => _longName ?? Pax.Path;

    public LinuxPath? LinkTarget => _longLink ?? Pax.LinkTarget;

    /// <summary>Something waits for an entry that it is about.</summary>
    public bool Any => _local is not null || _longName is not null || _longLink is not null;

    /// <summary>Forgets what was about one entry.</summary>
    public void Forget()
    {
        _local = null;
        _localLength = 0;
        _longName = _longLink = null;
    }

    /// <summary>Takes the header with its body if it is one about the entry that follows, or about all.</summary>
    public bool TryRead(TarHeader header)
    {
        switch (header.Type)
        {
            case (byte)'x':
                ReadOnlySpan<byte> local = ReadBody(header, MaxPaxLength - _localLength, "pax header");
                _localLength += TarInput.BlockSize + local.Length;
                _local ??= _global.Clone();
                _local.Apply(local, global: false);
                return true;
            case (byte)'g':
                ReadOnlySpan<byte> global = ReadBody(header, MaxPaxLength - _globalLength, "global pax header");
                _global.Apply(global, global: true);
                // Only extended attributes accumulate.
                _globalLength += _global.Xattrs is null ? 0 : TarInput.BlockSize + global.Length;
                return true;
            case (byte)'L':
                _longName = LongName(ReadBody(header, MaxLongNameLength, "GNU long name"));
                return true;
            case (byte)'K':
                _longLink = LongName(ReadBody(header, MaxLongNameLength, "GNU long link name"));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Valid until the next call.</summary>
    private ReadOnlySpan<byte> ReadBody(TarHeader header, long max, string what)
    {
        long size = TarHeader.Number(header.Size, "size");
        if (size < 0 || size > max)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"tar: a {what} has {size} bytes; at most {Math.Max(max, 0)} are read");
        }

        if (_body.Length < size)
        {
            _body = new byte[Math.Max(size, 2 * TarInput.BlockSize)];
        }

        Span<byte> body = _body.AsSpan(0, (int)size);
        input.ReadExactly(body);
        input.Skip(-size & (TarInput.BlockSize - 1));
        return body;
    }

    private static LinuxPath LongName(ReadOnlySpan<byte> body) => PaxAttributes.Name(body.TrimEnd((byte)0), "long name");
}
