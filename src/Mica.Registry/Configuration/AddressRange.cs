using System.Globalization;
using System.Net;

namespace Mica.Registry;

/// <summary>A range of addresses in CIDR notation. Bits behind the prefix may be set, unlike in <see cref="IPNetwork"/>.</summary>
internal readonly record struct AddressRange
{
    private readonly byte[] _bytes;
    private readonly int _length;

    private AddressRange(byte[] bytes, int length)
    {
        _bytes = bytes;
        _length = length;
    }

    public static bool TryParse(string text, out AddressRange range)
    {
        range = default;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !IPAddress.TryParse(text.AsSpan(0, slash), out IPAddress? address)
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int length))
        {
            return false;
        }

        byte[] bytes = address.GetAddressBytes();
        range = new AddressRange(bytes, length);
        return length <= bytes.Length * 8;
    }

    public bool Contains(IPAddress address)
    {
        byte[] bytes = Unmapped(address).GetAddressBytes();
        if (bytes.Length != _bytes.Length)
        {
            return false;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            int mask = 0xFF00 >> Math.Clamp(_length - (i * 8), 0, 8) & 0xFF;
            if (((bytes[i] ^ _bytes[i]) & mask) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The IPv4 address inside <c>::ffff:a.b.c.d</c>.</summary>
    public static IPAddress Unmapped(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
