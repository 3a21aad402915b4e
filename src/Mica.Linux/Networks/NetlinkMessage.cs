using System.Buffers.Binary;
using System.Text;

namespace Mica.Linux;

/// <summary>One request to the kernel's networks: a header, a fixed part, and attributes that may nest. netlink(7).</summary>
internal sealed class NetlinkMessage
{
    private const int HeaderSize = 16;
    private const ushort Request = 1;
    private const ushort Acknowledge = 4;

    private readonly List<byte> _bytes = [.. new byte[HeaderSize]];

    public NetlinkMessage(ushort type, ushort flags, ReadOnlySpan<byte> fixedPart)
    {
        _bytes.AddRange(fixedPart);
        Span<byte> header = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], (ushort)(flags | Request | Acknowledge));
    }

    public NetlinkMessage Add(ushort type, ReadOnlySpan<byte> value)
    {
        int length = 4 + value.Length;
        Span<byte> header = stackalloc byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)length);
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], type);
        _bytes.AddRange(header);
        _bytes.AddRange(value);
        Pad();
        return this;
    }

    public NetlinkMessage Add(ushort type, string text) => Add(type, [.. Encoding.UTF8.GetBytes(text), 0]);

    public NetlinkMessage Add(ushort type, int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return Add(type, bytes);
    }

    /// <summary>An attribute of what <paramref name="fill"/> adds, after <paramref name="fixedPart"/>.</summary>
    public NetlinkMessage Nest(ushort type, Action<NetlinkMessage> fill, ReadOnlySpan<byte> fixedPart = default)
    {
        int start = _bytes.Count;
        _bytes.AddRange(new byte[4]);
        _bytes.AddRange(fixedPart);
        fill(this);
        Span<byte> header = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes)[start..];
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)header.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], type);
        return this;
    }

    public ReadOnlySpan<byte> Finish(uint sequence)
    {
        Span<byte> all = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(all, (uint)all.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(all[8..], sequence);
        return all;
    }

    private void Pad()
    {
        while (_bytes.Count % 4 != 0)
        {
            _bytes.Add(0);
        }
    }
}
