using System.Collections.Immutable;

namespace Mica.RegistryServer.Access;

/// <summary>What somebody may do in a repository.</summary>
[Flags]
public enum Rights
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Pull, and list tags and referrers.</summary>
    Read = 1,

    /// <summary>Push what is not there yet.</summary>
    Create = 2,

    /// <summary>Move tags that stand for something.</summary>
    Update = 4,

    /// <summary>Remove tags, manifests and blobs.</summary>
    Delete = 8,

    /// <summary>Everything.</summary>
    All = Read | Create | Update | Delete,
}

/// <summary>How it is known who asks.</summary>
internal enum PrincipalKind
{
    /// <summary>A user of the file of passwords.</summary>
    User,

    /// <summary>Nobody in particular.</summary>
    Anonymous,

    /// <summary>A program with a secret of the registry's own.</summary>
    Robot,

    /// <summary>A person, by the word of the OpenID Connect provider.</summary>
    OpenId,

    /// <summary>Whoever has a client certificate.</summary>
    Certificate,

    /// <summary>Whoever another issuer's token names.</summary>
    Foreign,
}

/// <summary>Who asks.</summary>
/// <param name="Name">As the journal and the audit log have it.</param>
/// <param name="Groups">The groups that it is known to belong to.</param>
internal sealed record Principal(string Name, ImmutableArray<string> Groups)
{
    /// <summary>Names longer than this are nobody's.</summary>
    private const int MaxNameLength = 256;

    public static Principal Anonymous { get; } = new(AccessRule.Anybody, []) { Kind = PrincipalKind.Anonymous };

    public PrincipalKind Kind { get; init; }

    public bool IsAnonymous => Kind == PrincipalKind.Anonymous;

    /// <summary>What the token allows at most; null: the token, or password, is for everything that the principal may do.</summary>
    public ImmutableArray<TokenGrant>? Grants { get; init; }

    /// <summary>The token is for listing repositories, too.</summary>
    public bool HasCatalogGrant { get; init; }

    /// <summary>The grants came from an issuer that is trusted to know: no rule of ours has to agree.</summary>
    public bool IsVouchedFor { get; init; }

    /// <summary>Rights that the principal has by itself, beside those of the rules.</summary>
    public OwnRights? OwnRights { get; init; }

    /// <summary>
    /// A fingerprint of what the password was checked against: a token is good as long as it is the same. Null where there
    /// is no such thing.
    /// </summary>
    public string? Proof { get; init; }

    /// <summary>
    /// Whether a name that somebody else gives is fit to be a principal's: none that the rules read as something else, and
    /// none that would spoil a log.
    /// </summary>
    public static bool IsName(string? name) =>
        name is { Length: > 0 and <= MaxNameLength }
        && name is not (AccessRule.Anybody or AccessRule.Anyone)
        && !name.StartsWith(Robots.Prefix, StringComparison.Ordinal)
        && !name.StartsWith(Robots.LoginPrefix, StringComparison.Ordinal)
        && !name.StartsWith("group:", StringComparison.Ordinal)
        && !name.Any(char.IsControl);
}

/// <summary>Rights that a token carries for one repository.</summary>
internal sealed record TokenGrant(string Repository, Rights Rights);
