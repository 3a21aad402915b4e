using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mica.Oci;
using Microsoft.IdentityModel.Tokens;

namespace Mica.RegistryServer.Access;

/// <summary>The key (P-256) that the registry signs its tokens with, and what is derived from it for cookies and fingerprints.</summary>
internal sealed class TokenKey : IDisposable
{
    private const int MaxSize = 64 << 10;
    private const int ProofSize = 16;

    private readonly ECDsa _key;
    private readonly ECParameters _public;
    private readonly byte[] _proofKey;

    private TokenKey(ECDsa key)
    {
        _key = key;
        ECParameters parameters = key.ExportParameters(includePrivateParameters: true);
        _proofKey = Derive(parameters.D!, "mica registry: proofs");
        SessionKey = Derive(parameters.D!, "mica registry: sessions");
        CryptographicOperations.ZeroMemory(parameters.D);
        _public = key.ExportParameters(includePrivateParameters: false);
        Id = Thumbprint(_public);
        Signing = new ECDsaSecurityKey(key) { KeyId = Id };
    }

    /// <summary>The key's id: its thumbprint, RFC 7638.</summary>
    public string Id { get; }

    public ECDsaSecurityKey Signing { get; }

    /// <summary>The key of what browsers keep for the registry, 256 bits.</summary>
    public byte[] SessionKey { get; }

    /// <summary>Reads the key; makes it, readable to its owner alone, when it is not there.</summary>
    public static TokenKey Open(string path)
    {
        try
        {
            if (!File.Exists(path))
            {
                Create(path);
            }

            if (new FileInfo(path).Length > MaxSize)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"{path}: too large for a key");
            }

            return Parse(path, File.ReadAllText(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.PermissionDenied, $"{path}: the key of tokens cannot be read or made", error);
        }
    }

    /// <summary>A fingerprint of a stored hash that says nothing about it, for tokens.</summary>
    public string ProofOf(string hash) =>
        Base64UrlEncoder.Encode(HMACSHA256.HashData(_proofKey, Encoding.UTF8.GetBytes(hash)).AsSpan(0, ProofSize).ToArray());

    /// <summary>The public key as a set of JSON Web Keys, RFC 7517.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("keys");
        writer.WriteStartObject();
        writer.WriteString("kty", "EC");
        writer.WriteString("crv", "P-256");
        writer.WriteString("x", Base64UrlEncoder.Encode(_public.Q.X));
        writer.WriteString("y", Base64UrlEncoder.Encode(_public.Q.Y));
        writer.WriteString("kid", Id);
        writer.WriteString("alg", SecurityAlgorithms.EcdsaSha256);
        writer.WriteString("use", "sig");
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    public void Dispose() => _key.Dispose();

    private static TokenKey Parse(string path, string text)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(text);
            return key.ExportParameters(includePrivateParameters: true).Curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value
                ? new TokenKey(key)
                : throw new MicaException(ErrorKind.InvalidArgument, $"{path}: not a key of the curve P-256");
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException)
        {
            key.Dispose();
            throw new MicaException(ErrorKind.InvalidArgument, $"{path}: not a private key in PEM (P-256)", error);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>The file appears whole, and if another replica is faster, its key stays.</summary>
    private static void Create(string path)
    {
        string making = $"{path}.{RandomNumberGenerator.GetHexString(16, lowercase: true)}";
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using (var file = new FileStream(making, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
            file.Flush(flushToDisk: true);
        }

        try
        {
            File.Move(making, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(making);
        }
    }

    private static byte[] Derive(byte[] secret, string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: Encoding.ASCII.GetBytes(purpose));

    private static string Thumbprint(ECParameters key)
    {
        string members = $$"""{"crv":"P-256","kty":"EC","x":"{{Base64UrlEncoder.Encode(key.Q.X)}}","y":"{{Base64UrlEncoder.Encode(key.Q.Y)}}"}""";
        return Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(members)));
    }
}
