using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;

namespace Mica.Registry;

/// <summary>
/// Answers the challenges of one host: basic authentication, or bearer tokens, which are kept until they expire and used
/// for everything they cover. What the host asked for once is sent with the first message the next time.
/// </summary>
internal sealed class Authorizer(string host, ICredentialSource? credentials, TokenExchange tokens, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly List<BearerToken> _tokens = [];
    private readonly ConcurrentDictionary<string, Credential?> _credentials = new();
    private volatile Challenge? _known;

    /// <summary>What to send along unasked; null as long as the host has not asked for anything.</summary>
    public async ValueTask<AuthenticationHeaderValue?> PrepareAsync(RegistryRequest request, CancellationToken cancellationToken) =>
        _known is { } challenge ? await AuthorizeAsync(challenge, request.Scopes, request, refused: null, cancellationToken) : null;

    /// <summary>What to send after a refusal; null when there is nothing better than what was <paramref name="refused"/>.</summary>
    public async ValueTask<AuthenticationHeaderValue?> AnswerAsync(
        IReadOnlyList<Challenge> challenges, RegistryRequest request, AuthenticationHeaderValue? refused, CancellationToken cancellationToken)
    {
        Challenge? challenge = challenges.FirstOrDefault(one => one.IsBearer && one["realm"] is not null)
            ?? challenges.FirstOrDefault(one => one.IsBasic);
        if (challenge is null)
        {
            return null;
        }

        _known = challenge;
        if (refused is not null)
        {
            // A helper may have a newer one by now.
            _credentials.TryRemove(request.Repository, out _);
        }

        // The host knows best what it wants, but it may name only a part of what the request does.
        TokenScopes scopes = request.Scopes.Union(TokenScopes.Parse(challenge["scope"]));
        AuthenticationHeaderValue? better = await AuthorizeAsync(challenge, scopes, request, refused, cancellationToken);
        return better is null || better.Equals(refused) ? null : better;
    }

    /// <summary>What a user should know about the credential when it did not do, in parentheses; empty before it was asked for.</summary>
    public string HintFor(string repository) =>
        !_credentials.TryGetValue(repository, out Credential? credential) ? ""
        : credential is null ? $" (no credentials for {host} are stored)"
        : credential.Origin.Length > 0 ? $" (with the {credential} from {credential.Origin})"
        : $" (with the {credential})";

    /// <summary>Uses this credential and no other from now on.</summary>
    public void Use(Credential credential, string repository) => _credentials[repository] = credential;

    /// <summary>Lets a token server confirm the credential; the refresh token it gives, if any.</summary>
    public async Task<TokenAnswer> LogInAsync(
        Challenge challenge, Credential credential, RegistryRequest request, CancellationToken cancellationToken) =>
        await tokens.FetchAsync(challenge, TokenScopes.None, credential, offline: true, request.Subject, HintFor(request.Repository), cancellationToken);

    public static AuthenticationHeaderValue? BasicOf(Credential? credential) => credential?.Password is { } password
        ? new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.Username}:{password}")))
        : null;

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private async ValueTask<AuthenticationHeaderValue?> AuthorizeAsync(
        Challenge challenge, TokenScopes scopes, RegistryRequest request, AuthenticationHeaderValue? refused,
        CancellationToken cancellationToken)
    {
        Credential? credential = await FindAsync(request.Repository, cancellationToken);
        if (challenge.IsBasic)
        {
            return BasicOf(credential);
        }

        if (credential?.RegistryToken is { } given)
        {
            return new AuthenticationHeaderValue("Bearer", given);
        }

        string token = await TokenAsync(challenge, scopes, request, credential, refused?.Parameter, cancellationToken);
        return new AuthenticationHeaderValue("Bearer", token);
    }

    private async ValueTask<Credential?> FindAsync(string repository, CancellationToken cancellationToken)
    {
        if (!_credentials.TryGetValue(repository, out Credential? credential))
        {
            credential = credentials is null ? null : await credentials.FindAsync(host, repository, cancellationToken);
            _credentials[repository] = credential;
        }

        return credential;
    }

    private async ValueTask<string> TokenAsync(
        Challenge challenge, TokenScopes scopes, RegistryRequest request, Credential? credential, string? refused,
        CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            DateTimeOffset now = time.GetUtcNow();
            _tokens.RemoveAll(token => token.Value == refused || token.Expires <= now);
            BearerToken? kept = _tokens.Find(token => token.Realm == challenge["realm"] && token.Service == challenge["service"]
                && token.Credential == credential && token.Scopes.Covers(scopes));
            if (kept is null)
            {
                TokenAnswer answer = await tokens.FetchAsync(
                    challenge, scopes, credential, offline: false, request.Subject, HintFor(request.Repository), cancellationToken);
                kept = new BearerToken(challenge["realm"], challenge["service"], scopes, credential, answer.Token, now + answer.Lifetime);
                _tokens.Add(kept);
            }

            return kept.Value;
        }
        finally
        {
            _gate.Release();
        }
    }

    private sealed record BearerToken(
        string? Realm, string? Service, TokenScopes Scopes, Credential? Credential, string Value, DateTimeOffset Expires);
}
