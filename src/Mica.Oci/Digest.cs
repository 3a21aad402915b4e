using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Mica.Oci;

/// <summary>
/// The identity of a blob: a registered hash algorithm and the lower-case hex of the hash, such as
/// <c>sha256:&lt;64 hex&gt;</c>. Always valid once constructed; using <c>default</c> throws.
/// OCI image-spec v1.1, descriptor.md#digests.
/// </summary>
public readonly record struct Digest
{
    /// <summary>The algorithm every client can verify, and the one we author with.</summary>
    public const string Sha256 = "sha256";

    /// <summary>The other registered algorithm that is in use.</summary>
    public const string Sha512 = "sha512";

    private static readonly SearchValues<char> s_hex = SearchValues.Create("0123456789abcdef");

    private readonly string? _text;

    private Digest(string text) => _text = text;

    private string Text => _text ?? throw new InvalidOperationException("a default Digest was used");

    /// <summary><c>sha256</c> or <c>sha512</c>.</summary>
    public string Algorithm => Text[..Text.IndexOf(':', StringComparison.Ordinal)];

    /// <summary>The hash in lower-case hex: 64 or 128 characters.</summary>
    public string Hex => Text[(Text.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <summary>The first 12 characters of <see cref="Hex"/>, as tables show an image.</summary>
    public string Short => Hex[..12];

    /// <summary>The SHA-256 digest of <paramref name="content"/>.</summary>
    public static Digest Of(ReadOnlySpan<byte> content) => FromHash(Sha256, SHA256.HashData(content));

    /// <summary>The digest of <paramref name="content"/> by one of the registered algorithms.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: another algorithm.</exception>
    public static Digest Of(string algorithm, ReadOnlySpan<byte> content)
    {
        if (algorithm == Sha256)
        {
            return Of(content);
        }

        using IncrementalHash hash = CreateHash(algorithm);
        hash.AppendData(content);
        return FromHash(algorithm, hash.GetHashAndReset());
    }

    /// <summary>Wraps a finished hash. <paramref name="hash"/> has 32 bytes for sha256 and 64 for sha512.</summary>
    public static Digest FromHash(string algorithm, ReadOnlySpan<byte> hash)
    {
        if (hash.Length != HashLength(algorithm))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"a {algorithm} digest cannot have {hash.Length} bytes");
        }

        return new Digest($"{algorithm}:{Convert.ToHexStringLower(hash)}");
    }

    /// <summary>False when the algorithm is unknown or the hex is not canonical (lower case, full length).</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest)
    {
        int colon = text?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        if (colon > 0)
        {
            ReadOnlySpan<char> hex = text.AsSpan(colon + 1);
            int length = HashLength(text![..colon]);
            if (length > 0 && hex.Length == 2 * length && !hex.ContainsAnyExcept(s_hex))
            {
                digest = new Digest(text);
                return true;
            }
        }

        digest = default;
        return false;
    }

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a canonical digest.</exception>
    public static Digest Parse(string text) => TryParse(text, out Digest digest)
        ? digest
        : throw new MicaException(ErrorKind.InvalidArgument, $"invalid digest format: \"{Printable.Of(text)}\"");

    /// <summary>A hash of <see cref="Algorithm"/> to append to. The caller disposes it.</summary>
    public static IncrementalHash CreateHash(string algorithm) => IncrementalHash.CreateHash(algorithm switch
    {
        Sha256 => HashAlgorithmName.SHA256,
        Sha512 => HashAlgorithmName.SHA512,
        _ => throw new MicaException(ErrorKind.Unsupported, $"digest algorithm {Printable.Of(algorithm)} is not supported"),
    });

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static int HashLength(string algorithm) => algorithm switch { Sha256 => 32, Sha512 => 64, _ => 0 };
}
