using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mica.Oci;

namespace Mica.RegistryServer.Events;

/// <summary>
/// The signature of an event, as Standard Webhooks 1.0 has it: HMAC-SHA256 over <c>ID.TIMESTAMP.BODY</c>, in base64 behind
/// <c>v1,</c>. A file with several lines has several keys, and the event a signature of each: so keys can be changed.
/// </summary>
internal static class WebhookSignature
{
    private const string Mark = "whsec_";

    public static string Of(string secrets, string id, long timestamp, string body)
    {
        byte[] signed = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{timestamp}.{body}"));
        IEnumerable<string> signatures = secrets.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(secret => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(Key(secret), signed))}");
        return string.Join(' ', signatures) is { Length: > 0 } all
            ? all
            : throw new MicaException(ErrorKind.InvalidArgument, "the file with the webhook's key is empty");
    }

    /// <summary>What begins with <c>whsec_</c> is base64; anything else is the key itself.</summary>
    private static byte[] Key(string secret)
    {
        if (!secret.StartsWith(Mark, StringComparison.Ordinal))
        {
            return Encoding.UTF8.GetBytes(secret);
        }

        byte[] key = new byte[secret.Length];
        return Convert.TryFromBase64String(secret[Mark.Length..], key, out int length)
            ? key[..length]
            : throw new MicaException(ErrorKind.InvalidArgument, "the webhook's key begins with whsec_ and is no base64");
    }
}
