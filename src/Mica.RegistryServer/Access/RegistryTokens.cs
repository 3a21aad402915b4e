using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Mica.RegistryServer.Access;

/// <summary>What a token of ours says: for whom it was made, and what it is limited to.</summary>
internal sealed record TokenContent(
    PrincipalKind Kind, string Name, ImmutableArray<string> Groups, string? Proof, TokenScope Scope, DateTimeOffset Expires);

/// <summary>
/// The tokens that the registry issues itself. They prove who asked for them and limit what they are good for; what their
/// owner may do is asked of the rules at each request, so that nothing has to be revoked.
/// </summary>
internal sealed class RegistryTokens(TokenKey key, string audience, TimeSpan lifetime, TimeProvider time)
{
    public const string Issuer = "mica-registry";

    /// <summary>How long a login lasts for clients that keep a refresh token.</summary>
    private static readonly TimeSpan s_refreshLifetime = TimeSpan.FromDays(90);

    /// <summary>Between replicas.</summary>
    private static readonly TimeSpan s_skew = TimeSpan.FromSeconds(5);

    /// <summary>A token is checked anew this often at least.</summary>
    private static readonly TimeSpan s_remembered = TimeSpan.FromMinutes(5);

    private readonly ExpiringCache<TokenContent> _known = new(time, 10_000);

    public TimeSpan Lifetime => lifetime;

    /// <summary>What the registry is called in challenges and tokens.</summary>
    public string Audience => audience;

    public string Issue(Principal principal, TokenScope scope) => Sign(principal, audience, lifetime, scope);

    /// <summary>A token that is only good for getting others; for principals whose password can be seen to have changed.</summary>
    public string IssueRefresh(Principal principal) => Sign(principal, RefreshAudience, s_refreshLifetime, scope: null);

    /// <summary>What the token says; null when it is not ours, or not good now.</summary>
    public async ValueTask<TokenContent?> ReadAsync(string token)
    {
        if (_known.Find(token) is { } known)
        {
            return known;
        }

        if (await ReadAsync(token, audience) is not { } content)
        {
            return null;
        }

        DateTimeOffset forget = time.GetUtcNow() + s_remembered;
        DateTimeOffset expires = content.Expires + s_skew;
        _known.Add(token, content, forget < expires ? forget : expires);
        return content;
    }

    public Task<TokenContent?> ReadRefreshAsync(string token) => ReadAsync(token, RefreshAudience);

    private string RefreshAudience => audience + "/token";

    private async Task<TokenContent?> ReadAsync(string text, string expected)
    {
        SignedToken? token = await SignedToken.ValidateAsync(text, Issuer, expected, [key.Signing], s_skew, time);
        return token is not null && Enum.TryParse(token.Text("kind"), out PrincipalKind kind) && token.Text("sub") is { } name
            ? new TokenContent(kind, name, token.Texts("groups"), token.Text("proof"), TokenScope.Read(token.Payload), token.Expires)
            : null;
    }

    private string Sign(Principal principal, string audienceOf, TimeSpan lifetimeOf, TokenScope? scope)
    {
        long now = time.GetUtcNow().ToUnixTimeSeconds();
        var payload = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(payload))
        {
            writer.WriteStartObject();
            writer.WriteString("iss", Issuer);
            writer.WriteString("aud", audienceOf);
            writer.WriteString("sub", principal.Name);
            writer.WriteNumber("iat", now);
            writer.WriteNumber("nbf", now);
            writer.WriteNumber("exp", now + (long)lifetimeOf.TotalSeconds);
            writer.WriteString("kind", principal.Kind.ToString());
            if (principal.Proof is { } proof)
            {
                writer.WriteString("proof", proof);
            }

            // The provider's groups are not to be had again; the configuration's own are.
            if (principal.Kind == PrincipalKind.OpenId)
            {
                writer.WriteStartArray("groups");
                foreach (string group in principal.Groups)
                {
                    writer.WriteStringValue(group);
                }

                writer.WriteEndArray();
            }

            scope?.WriteTo(writer);
            writer.WriteEndObject();
        }

        return SignedToken.Sign(Encoding.UTF8.GetString(payload.WrittenSpan), key.Signing);
    }
}
