using System.Buffers;
using System.Text;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// A path as Linux has it: bytes, of which only <c>/</c> and NUL mean anything. Names that are not valid UTF-8, or are not
/// normalized, stay what they are. <c>default</c> is the empty path. Whether a path is safe is for its user to decide.
/// </summary>
public readonly struct LinuxPath : IEquatable<LinuxPath>
{
    private readonly byte[]? _bytes;

    /// <summary>Copies <paramref name="bytes"/>.</summary>
    public LinuxPath(ReadOnlySpan<byte> bytes) => _bytes = bytes.IsEmpty ? null : bytes.ToArray();

    /// <summary>The UTF-8 bytes of <paramref name="text"/>.</summary>
    public LinuxPath(string text)
        : this(Encoding.UTF8.GetBytes(text))
    {
    }

    /// <summary>The bytes, with no NUL at the end.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>In bytes.</summary>
    public int Length => _bytes?.Length ?? 0;

    /// <summary>No bytes at all.</summary>
    public bool IsEmpty => _bytes is null;

    /// <inheritdoc cref="Equals(LinuxPath)"/>
    public static bool operator ==(LinuxPath left, LinuxPath right) => left.Equals(right);

    /// <summary>What stands before the last <c>/</c>; empty when there is none.</summary>
    public LinuxPath Parent => Bytes.LastIndexOf((byte)'/') is var slash and >= 0 ? new LinuxPath(Bytes[..slash]) : default;

    /// <summary>What stands behind the last <c>/</c>; all of it when there is none.</summary>
    public ReadOnlySpan<byte> Name => Bytes[(Bytes.LastIndexOf((byte)'/') + 1)..];

    /// <summary>
    /// The path of <paramref name="below"/> in the directory that this is: with <c>/</c> between them, unless one is empty.
    /// </summary>
    public LinuxPath Append(ReadOnlySpan<byte> below) =>
        IsEmpty ? new LinuxPath(below) : below.IsEmpty ? this : new LinuxPath([.. Bytes, (byte)'/', .. below]);

    /// <summary>Whether any byte differs.</summary>
    public static bool operator !=(LinuxPath left, LinuxPath right) => !left.Equals(right);

    /// <summary>Whether all bytes are the same; <c>a//b</c> and <c>a/b</c> are not.</summary>
    public bool Equals(LinuxPath other) => Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is LinuxPath other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>For messages: UTF-8 as text, every other byte as <c>\xNN</c>, made safe and cut by <see cref="Printable"/>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        ReadOnlySpan<byte> rest = Bytes;
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(rest, out Rune rune, out int count) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                foreach (byte invalid in rest[..count])
                {
                    text.Append("\\x").Append(invalid.ToString("x2", null));
                }
            }

            rest = rest[count..];
        }

        return Printable.Of(text.ToString());
    }
}
