namespace Mica.Registry;

/// <summary>
/// What a user proves to a registry with: a name and a password, a refresh token (<see cref="IdentityToken"/>), or a bearer
/// token that is sent as it is (<see cref="RegistryToken"/>). Printing it never shows a secret.
/// </summary>
public sealed record Credential
{
    /// <summary>Empty for tokens.</summary>
    public string Username { get; init; } = "";

    /// <summary>Null for tokens.</summary>
    public string? Password { get; init; }

    /// <summary>The refresh token of an OAuth2 login (<c>identitytoken</c>); exchanged for access tokens at the realm.</summary>
    public string? IdentityToken { get; init; }

    /// <summary>An access token made elsewhere (<c>registrytoken</c>); sent as <c>Bearer</c>, never exchanged.</summary>
    public string? RegistryToken { get; init; }

    /// <summary>Where it came from, for messages: a file or a helper's name. Never a secret.</summary>
    public string Origin { get; init; } = "";

    /// <summary>The name and the kind, without any secret.</summary>
    public override string ToString() => RegistryToken is not null ? "registry token"
        : IdentityToken is not null ? "identity token"
        : $"password of {Username}";
}
