using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.Tokens;

namespace Mica.RegistryServer.Access;

/// <summary>
/// What browsers keep for the registry without being able to read or change it (AES-256-GCM): scripts do not see it, other
/// sites cannot have it sent along with what they post, and it expires by what is in it.
/// </summary>
internal sealed class SealedCookies(TokenKey key, Uri? publicAddress, TimeProvider time)
{
    private const int NonceSize = 12;
    private const int TagSize = 16;
    private const int MaxLength = 4096;

    /// <summary>Sets a cookie of named texts; <paramref name="name"/> is part of the seal.</summary>
    public void Set(HttpContext context, string name, string path, TimeSpan lifetime, Action<Utf8JsonWriter> write)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(text))
        {
            writer.WriteStartObject();
            writer.WriteNumber("until", (time.GetUtcNow() + lifetime).ToUnixTimeSeconds());
            write(writer);
            writer.WriteEndObject();
        }

        context.Response.Cookies.Append(name, Seal(name, text.WrittenSpan), Options(context, path, lifetime));
    }

    /// <summary>What a cookie holds; null when there is none, or it is not ours, or it has expired.</summary>
    public JsonElement? Read(HttpContext context, string name)
    {
        if (!context.Request.Cookies.TryGetValue(name, out string? text) || text.Length is 0 or > MaxLength || Open(name, text) is not { } bytes)
        {
            return null;
        }

        using var document = JsonDocument.Parse(bytes);
        return document.RootElement.GetProperty("until").GetInt64() > time.GetUtcNow().ToUnixTimeSeconds() ? document.RootElement.Clone() : null;
    }

    public void Clear(HttpContext context, string name, string path) =>
        context.Response.Cookies.Delete(name, Options(context, path, lifetime: null));

    private CookieOptions Options(HttpContext context, string path, TimeSpan? lifetime) => new()
    {
        HttpOnly = true,
        Secure = context.Request.IsHttps || publicAddress?.Scheme == Uri.UriSchemeHttps,
        SameSite = SameSiteMode.Lax,
        Path = path,
        MaxAge = lifetime,
        IsEssential = true,
    };

    private string Seal(string name, ReadOnlySpan<byte> text)
    {
        byte[] whole = new byte[NonceSize + text.Length + TagSize];
        RandomNumberGenerator.Fill(whole.AsSpan(0, NonceSize));
        using var cipher = new AesGcm(key.SessionKey, TagSize);
        cipher.Encrypt(whole.AsSpan(0, NonceSize), text, whole.AsSpan(NonceSize, text.Length), whole.AsSpan(NonceSize + text.Length), Encoding.ASCII.GetBytes(name));
        return Base64UrlEncoder.Encode(whole);
    }

    private byte[]? Open(string name, string sealedText)
    {
        try
        {
            byte[] whole = Base64UrlEncoder.DecodeBytes(sealedText);
            if (whole.Length < NonceSize + TagSize)
            {
                return null;
            }

            byte[] text = new byte[whole.Length - NonceSize - TagSize];
            using var cipher = new AesGcm(key.SessionKey, TagSize);
            cipher.Decrypt(
                whole.AsSpan(0, NonceSize), whole.AsSpan(NonceSize, text.Length), whole.AsSpan(NonceSize + text.Length), text, Encoding.ASCII.GetBytes(name));
            return text;
        }
        catch (Exception error) when (error is FormatException or CryptographicException)
        {
            return null;
        }
    }
}
