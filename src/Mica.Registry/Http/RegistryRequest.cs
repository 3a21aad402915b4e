namespace Mica.Registry;

/// <summary>
/// One request as it is meant, from which HTTP messages are made as often as it takes (a token, a redirect, another
/// attempt).
/// </summary>
internal sealed record RegistryRequest(HttpMethod Method, string Target, RequestSubject Subject)
{
    /// <summary>A path that starts with a slash, or an absolute address that the registry gave us.</summary>
    public string Target { get; init; } = Target;

    /// <summary>What a token must allow.</summary>
    public TokenScopes Scopes { get; init; } = TokenScopes.None;

    /// <summary>The repository that the credential is for.</summary>
    public string Repository { get; init; } = "";

    public IReadOnlyList<string> Accept { get; init; } = [];

    /// <summary>The bytes wanted, both ends included; open when <c>To</c> is null.</summary>
    public (long From, long? To)? Range { get; init; }

    /// <summary>Makes the body; asked again for each message.</summary>
    public Func<StallGuard, HttpContent>? Content { get; init; }

    /// <summary>
    /// Whether blob bytes move. They go over HTTP/1.1: several connections carry more than the streams of one, for less work.
    /// </summary>
    public bool IsBulk { get; init; }
}
