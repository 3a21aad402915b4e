using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>What a token server gave. Printing it shows no secret.</summary>
internal sealed record TokenAnswer(string Token, TimeSpan Lifetime, string? RefreshToken)
{
    public override string ToString() => "token";
}

/// <summary>
/// Gets bearer tokens: by GET with basic authentication, or by OAuth2 POST with a refresh token. Docker registry token
/// authentication (distribution, docs/spec/auth/token.md and oauth.md).
/// </summary>
internal sealed class TokenExchange(HttpExchange exchange, bool verified)
{
    private const string ClientId = "mica";
    private const int MaxSize = 256 << 10;

    /// <summary>The lifetime of a token whose server does not say.</summary>
    private static readonly TimeSpan s_unsaid = TimeSpan.FromSeconds(60);

    /// <summary>So much earlier than it expires a token is no longer used: the request takes time.</summary>
    private static readonly TimeSpan s_slack = TimeSpan.FromSeconds(10);

    /// <summary>Asks the challenge's realm for a token; when <paramref name="offline"/>, for a refresh token as well (a login).</summary>
    /// <exception cref="RegistryException">The server cannot be reached or says no.</exception>
    public async Task<TokenAnswer> FetchAsync(
        Challenge challenge, TokenScopes scopes, Credential? credential, bool offline, RequestSubject subject, string hint,
        CancellationToken cancellationToken)
    {
        Uri realm = RealmOf(challenge, subject);
        bool post = credential?.IdentityToken is not null;
        HttpResponseMessage response = await AskAsync(realm, challenge["service"], scopes, credential, offline, post, subject, cancellationToken);
        if (!post && credential is not null && response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed)
        {
            response.Dispose();
            response = await AskAsync(realm, challenge["service"], scopes, credential, offline, post: true, subject, cancellationToken);
        }

        using (response)
        {
            return response.IsSuccessStatusCode
                ? Parse(await ReadAsync(response, realm, subject, cancellationToken), realm, subject)
                : throw await RegistryErrors.OfAsync(response, subject, hint, cancellationToken);
        }
    }

    private async Task<HttpResponseMessage> AskAsync(
        Uri realm, string? service, TokenScopes scopes, Credential? credential, bool offline, bool post, RequestSubject subject,
        CancellationToken cancellationToken)
    {
        List<KeyValuePair<string, string>> fields = [];
        if (service is not null)
        {
            fields.Add(new("service", service));
        }

        AuthenticationHeaderValue? authorization = null;
        if (post)
        {
            AddGrant(fields, scopes, credential!);
        }
        else
        {
            fields.AddRange(scopes.ToTexts().Select(scope => new KeyValuePair<string, string>("scope", scope)));
            authorization = Authorizer.BasicOf(credential);
            if (credential is { Username.Length: > 0 })
            {
                fields.Add(new("account", credential.Username));
            }

            if (offline)
            {
                fields.AddRange([new("client_id", ClientId), new("offline_token", "true")]);
            }
        }

        var request = new RegistryRequest(post ? HttpMethod.Post : HttpMethod.Get, post ? realm.AbsoluteUri : WithQuery(realm, fields), subject)
        {
            Content = post ? _ => new FormUrlEncodedContent(fields) : null,
        };
        HttpResponseMessage response = await exchange.SendAsync(
            request, new Uri(request.Target), authorization, realm.Authority, verified, cancellationToken);
        return await exchange.FollowAsync(response, request, authorization, realm, realm.Authority, verified, cancellationToken);
    }

    private static void AddGrant(List<KeyValuePair<string, string>> fields, TokenScopes scopes, Credential credential)
    {
        fields.Add(new("client_id", ClientId));
        fields.Add(new("scope", scopes.ToString()));
        if (credential.IdentityToken is { } refresh)
        {
            fields.AddRange([new("grant_type", "refresh_token"), new("refresh_token", refresh)]);
        }
        else
        {
            fields.AddRange([new("grant_type", "password"), new("username", credential.Username), new("password", credential.Password ?? "")]);
        }
    }

    private Uri RealmOf(Challenge challenge, RequestSubject subject)
    {
        string text = challenge["realm"] ?? "";
        bool valid = Uri.TryCreate(text, UriKind.Absolute, out Uri? realm) && realm.Scheme is "http" or "https" && realm.UserInfo.Length == 0;
        if (!valid)
        {
            throw new RegistryException(ErrorKind.Failed, $"{subject.Object}: {subject.Host} sends us to a token server without a valid address: {Printable.Of(text)}");
        }

        return realm!.Scheme == "https" || !verified ? realm
            : throw new RegistryException(ErrorKind.Failed,
                $"{subject.Object}: {subject.Host} wants the credentials sent over plain http to {Printable.Of(realm.Authority)}, which is not done");
    }

    private static string WithQuery(Uri realm, List<KeyValuePair<string, string>> fields)
    {
        string query = string.Join('&', fields.Select(field => $"{field.Key}={Uri.EscapeDataString(field.Value)}"));
        return new UriBuilder(realm) { Query = string.Join('&', new[] { realm.Query.TrimStart('?'), query }.Where(part => part.Length > 0)) }.Uri.AbsoluteUri;
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, Uri realm, RequestSubject subject, CancellationToken cancellationToken)
    {
        byte[]? body = await BoundedBody.ReadAsync(response, MaxSize, realm.Authority, cancellationToken);
        return body ?? throw new RegistryException(ErrorKind.Failed, $"{subject.Object}: the token server {realm.Authority} sent too much");
    }

    private static TokenAnswer Parse(byte[] body, Uri realm, RequestSubject subject)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            JsonElement root = document.RootElement;
            string? token = Text(root, "token") ?? Text(root, "access_token");
            if (token is not null && !token.AsSpan().ContainsAnyExceptInRange('!', '~'))
            {
                TimeSpan lifetime = root.TryGetProperty("expires_in", out JsonElement said) && said.ValueKind == JsonValueKind.Number
                    && said.TryGetInt32(out int seconds) && seconds > 0 ? TimeSpan.FromSeconds(seconds) : s_unsaid;
                return new TokenAnswer(token, lifetime > 2 * s_slack ? lifetime - s_slack : lifetime / 2, Text(root, "refresh_token"));
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // Said below.
        }

        throw new RegistryException(ErrorKind.Failed, $"{subject.Object}: the token server {Printable.Of(realm.Authority)} gave no token");
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
}
