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

/// <summary>Who asks.</summary>
/// <param name="Name">As the journal and the audit log have it.</param>
/// <param name="Groups">The groups that it is known to belong to.</param>
internal sealed record Principal(string Name, ImmutableArray<string> Groups)
{
    public static Principal Anonymous { get; } = new("anonymous", []);

    public bool IsAnonymous => ReferenceEquals(this, Anonymous);

    /// <summary>What the token allows at most; null: the token, or password, is for everything that the principal may do.</summary>
    public ImmutableArray<TokenGrant>? Grants { get; init; }

    /// <summary>The grants came from an issuer that is trusted to know: no rule of ours has to agree.</summary>
    public bool IsVouchedFor { get; init; }
}

/// <summary>Rights that a token carries for one repository.</summary>
internal sealed record TokenGrant(string Repository, Rights Rights);
