using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Mica.RegistryServer.Access;

/// <summary>
/// A JSON Web Token whose signature, issuer, audience and times were found right. Only signatures by a private key are
/// taken: neither <c>none</c> nor a shared secret, which a public key could be passed off as. RFC 7519, RFC 8725.
/// </summary>
internal sealed record SignedToken(JsonElement Payload, DateTimeOffset Expires)
{
    private const int MaxLength = 24 << 10;

    private static readonly JsonWebTokenHandler s_handler = new()
    {
        MapInboundClaims = false,
        SetDefaultTimesOnTokenCreation = false,
        MaximumTokenSizeInBytes = MaxLength,
    };

    private static readonly string[] s_algorithms =
    [
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
    ];

    /// <summary>Whether the text has the form of a token; says nothing about its truth.</summary>
    public static bool IsForm(string text) => text.Length is > 20 and <= MaxLength && text.StartsWith("eyJ", StringComparison.Ordinal)
        && text.AsSpan().Count('.') == 2;

    /// <summary>The issuer that the token claims, and the id of its key; both unproven. Null: not a token.</summary>
    public static (string Issuer, string KeyId)? Peek(string text)
    {
        if (!IsForm(text))
        {
            return null;
        }

        try
        {
            JsonWebToken token = s_handler.ReadJsonWebToken(text);
            return (token.Issuer ?? "", token.Kid ?? "");
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>The token, or null when anything about it is not right.</summary>
    /// <param name="text">The token.</param>
    /// <param name="issuer">Who must have issued it.</param>
    /// <param name="audience">Whom it must be for.</param>
    /// <param name="keys">The issuer's keys.</param>
    /// <param name="skew">How far the issuer's clock may be from ours.</param>
    /// <param name="time">Our clock.</param>
    public static async Task<SignedToken?> ValidateAsync(
        string text, string issuer, string audience, IEnumerable<SecurityKey> keys, TimeSpan skew, TimeProvider time)
    {
        if (!IsForm(text))
        {
            return null;
        }

        DateTime now = time.GetUtcNow().UtcDateTime;
        TokenValidationResult result = await s_handler.ValidateTokenAsync(text, new TokenValidationParameters
        {
            ValidIssuer = issuer,
            ValidAudience = audience,
            IssuerSigningKeys = keys,
            ValidAlgorithms = s_algorithms,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            LifetimeValidator = (from, until, _, _) =>
                until is { } end && now < end + skew && (from is not { } begin || begin - skew <= now),
        });
        if (!result.IsValid || result.SecurityToken is not JsonWebToken token)
        {
            return null;
        }

        using var payload = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
        return new SignedToken(payload.RootElement.Clone(), new DateTimeOffset(token.ValidTo, TimeSpan.Zero));
    }

    public static string Sign(string payload, SecurityKey key) =>
        s_handler.CreateToken(payload, new SigningCredentials(key, SecurityAlgorithms.EcdsaSha256));

    /// <summary>A claim that is text; null when it is missing or something else.</summary>
    public string? Text(string claim) =>
        Payload.TryGetProperty(claim, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A claim that says yes, as a truth value or, from some providers, as text.</summary>
    public bool IsTrue(string claim) =>
        Payload.TryGetProperty(claim, out JsonElement value) && (value.ValueKind == JsonValueKind.True || Text(claim) == "true");

    /// <summary>A claim that is text, or a list of texts.</summary>
    public ImmutableArray<string> Texts(string claim)
    {
        if (!Payload.TryGetProperty(claim, out JsonElement value))
        {
            return [];
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => [value.GetString()!],
            JsonValueKind.Array => [.. value.EnumerateArray().Where(one => one.ValueKind == JsonValueKind.String).Select(one => one.GetString()!)],
            _ => [],
        };
    }
}
