using Mica.Oci;
using Mica.RegistryServer.Metadata;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Access;

/// <summary>The ways to come in, put together from the options, where anybody is asked who they are.</summary>
internal sealed class AccessDoors : IDisposable
{
    private readonly List<IDisposable> _parts = [];

    public AccessDoors(RegistryServerOptions options, AccessPolicy policy, RequestLimits limits, MetadataDatabase metadata, ILoggerFactory logs)
    {
        AccessOptions access = options.Access ?? throw new ArgumentException("nobody is asked", nameof(options));
        TimeProvider time = options.Time;
        ILogger log = logs.CreateLogger<AccessDoors>();
        Check(access);
        try
        {
            Key = Own(TokenKey.Open(access.TokenKeyFile ?? Path.Combine(options.DataDirectory, "token.key")));
            RemoteDocuments documents = Own(new RemoteDocuments());
            var groups = new UserGroups(access.Groups);
            var tokens = new RegistryTokens(Key, options.PublicAddress?.Authority ?? RegistryTokens.Issuer, access.TokenLifetime, time);
            HtpasswdFile? users = access.HtpasswdFile is { } file ? new HtpasswdFile(file, time, log) : null;
            Passwords? passwords = users is null ? null : Own(new Passwords(users, new FailedLogins(options.RateLimit.FailedLoginsPerMinute, time), time));
            OpenIdIssuer? openId = access.OpenIdConnect is { } provider ? Own(new OpenIdIssuer(provider, policy.Mentions, name => users?.Find(name) is not null, documents, time, log)) : null;
            ForeignTokens foreign = Own(new ForeignTokens(access.TokenIssuers, documents, time, log));
            var cookies = new SealedCookies(Key, options.PublicAddress, time);
            var sessions = new Sessions(cookies);
            Robots = new Robots(metadata, Key, time);
            Challenges = new Challenges(options.PublicAddress, tokens.Audience, access.TokenIssuers.FirstOrDefault(issuer => issuer.Realm is not null));
            Authenticator = new Authenticator(passwords, users, Robots, tokens, Key, foreign, openId, sessions, groups);
            Tokens = new TokenEndpoint(Authenticator, tokens, policy, Challenges, limits, time);
            SignIn = openId is null ? null : new SignIn(openId, cookies, sessions, groups, Challenges, documents);
            Audit = new AuditLog(access.AuditFile, time, logs.CreateLogger<AuditLog>());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public TokenKey Key { get; }

    public Authenticator Authenticator { get; }

    public TokenEndpoint Tokens { get; }

    public SignIn? SignIn { get; }

    public Robots Robots { get; }

    public Challenges Challenges { get; }

    public AuditLog Audit { get; }

    public void Dispose()
    {
        for (int index = _parts.Count - 1; index >= 0; index--)
        {
            _parts[index].Dispose();
        }
    }

    private static void Check(AccessOptions access)
    {
        if (access.TokenLifetime < TimeSpan.FromSeconds(60))
        {
            throw new MicaException(ErrorKind.InvalidArgument, "the lifetime of tokens has to be a minute at least");
        }
    }

    private T Own<T>(T part)
        where T : IDisposable
    {
        _parts.Add(part);
        return part;
    }
}
