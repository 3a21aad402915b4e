using System.Collections.Immutable;
using Mica.RegistryServer.Access;

namespace Mica.RegistryServer;

/// <summary>Who may come in, and who may do what.</summary>
public sealed record AccessOptions
{
    /// <summary>Who may do what; what no rule allows is refused.</summary>
    public ImmutableArray<AccessRule> Rules { get; init; } = [];

    /// <summary>A file of users with bcrypt passwords, as <c>htpasswd -B</c> writes it; read again when it changes.</summary>
    public string? HtpasswdFile { get; init; }

    /// <summary>Groups by name, with the names of their users.</summary>
    public ImmutableSortedDictionary<string, ImmutableArray<string>> Groups { get; init; } =
        ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty;

    /// <summary>
    /// The file with the private key (PEM, P-256) that signs tokens; made when it is not there. Null: <c>token.key</c> in the
    /// data directory. Replicas need the same.
    /// </summary>
    public string? TokenKeyFile { get; init; }

    /// <summary>How long a token is good.</summary>
    public TimeSpan TokenLifetime { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Issuers of bearer tokens in docker's form (an <c>access</c> claim) whose word is enough.</summary>
    public ImmutableArray<TokenIssuerOptions> TokenIssuers { get; init; } = [];

    /// <summary>An OpenID Connect provider at which people log in to the web page, and whose ID tokens are taken as passwords.</summary>
    public OpenIdConnectOptions? OpenIdConnect { get; init; }

    /// <summary>A file that gets a line of JSON for each change and each refusal; null: the log has them.</summary>
    public string? AuditFile { get; init; }
}

/// <summary>Somebody else who issues tokens for this registry.</summary>
public sealed record TokenIssuerOptions
{
    /// <summary>The <c>iss</c> claim.</summary>
    public required string Issuer { get; init; }

    /// <summary>The <c>aud</c> claim.</summary>
    public required string Audience { get; init; }

    /// <summary>Where the issuer's public keys are: an address, or the path of a file.</summary>
    public required string Jwks { get; init; }

    /// <summary>Where clients get tokens, for the challenge; null: this registry's own <c>/token</c>.</summary>
    public Uri? Realm { get; init; }
}

/// <summary>An OpenID Connect provider.</summary>
public sealed record OpenIdConnectOptions
{
    /// <summary>The issuer, with its discovery document at <c>/.well-known/openid-configuration</c>.</summary>
    public required Uri Issuer { get; init; }

    /// <summary>The client id that the provider knows this registry by.</summary>
    public required string ClientId { get; init; }

    /// <summary>The file with the client's secret; null for a public client (PKCE is used in any case).</summary>
    public string? ClientSecretFile { get; init; }

    /// <summary>The claim with the user's name.</summary>
    public string NameClaim { get; init; } = "preferred_username";

    /// <summary>The claim with the user's groups.</summary>
    public string GroupsClaim { get; init; } = "groups";
}
