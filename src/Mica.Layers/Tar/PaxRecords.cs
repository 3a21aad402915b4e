using System.Buffers.Text;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// The records of a pax extended header, <c>"%d %s=%s\n"</c> of length, keyword and value. POSIX.1-2001 pax,
/// "pax Extended Header".
/// </summary>
internal ref struct PaxRecords(ReadOnlySpan<byte> body)
{
    private ReadOnlySpan<byte> _rest = body;

    /// <summary>Never empty, without NUL.</summary>
    public ReadOnlySpan<byte> Key { get; private set; }

    /// <summary>Any bytes.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Moves to the next record; false at the end.</summary>
    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        // The length counts itself, the space and the newline; "5 a=\n" is the shortest.
        if (_rest[0] is < (byte)'1' or > (byte)'9'
            || !Utf8Parser.TryParse(_rest, out int length, out int digits)
            || length > _rest.Length || length < digits + 4
            || _rest[digits] != ' ' || _rest[length - 1] != '\n')
        {
            throw Malformed();
        }

        ReadOnlySpan<byte> record = _rest[(digits + 1)..(length - 1)];
        int equals = record.IndexOf((byte)'=');
        if (equals <= 0 || record[..equals].Contains((byte)0))
        {
            throw Malformed();
        }

        Key = record[..equals];
        Value = record[(equals + 1)..];
        _rest = _rest[length..];
        return true;
    }

    private static MicaException Malformed() => new(ErrorKind.ContentMismatch, "tar: a pax header has a malformed record");
}
