using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Access;

/// <summary>
/// Robots, as the metadata has them at the moment: a tool beside the server may add and remove them. Their secrets are
/// random, so a plain hash is enough to keep of them, and quick to check.
/// </summary>
internal sealed class Robots(MetadataDatabase metadata, TokenKey key, TimeProvider time)
{
    public const string Prefix = "robot:";

    /// <summary>The same at a login, without the colon that basic authentication has no place for.</summary>
    public const string LoginPrefix = "robot+";

    private const int MaxParsed = 1000;

    private readonly ConcurrentDictionary<(string Repositories, long Rights), OwnRights> _parsed = new();
    private readonly ConcurrentDictionary<string, long> _used = new(StringComparer.Ordinal);

    /// <summary>The robot, if the secret is its.</summary>
    public async Task<Principal?> CheckAsync(string name, string secret, CancellationToken cancellationToken)
    {
        Robot? robot = await FindAsync(name, cancellationToken);
        bool isRight = CryptographicOperations.FixedTimeEquals(
            Encoding.ASCII.GetBytes(HashOf(secret)), Encoding.ASCII.GetBytes(robot?.SecretHash ?? HashOf("")));
        return robot is not null && isRight ? Enter(robot) : null;
    }

    /// <summary>The robot that a token was made for, if it still has the same secret.</summary>
    public async Task<Principal?> FindAsync(string name, string? proof, CancellationToken cancellationToken) =>
        await FindAsync(name, cancellationToken) is { } robot && proof == key.ProofOf(robot.SecretHash) ? Enter(robot) : null;

    public static string HashOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    /// <summary>Writes down which robots were used since the last time.</summary>
    public async Task WriteUsesAsync(CancellationToken cancellationToken)
    {
        KeyValuePair<string, long>[] uses = [.. _used];
        if (uses.Length == 0)
        {
            return;
        }

        await metadata.WriteAsync(
            async session =>
            {
                foreach ((string name, long when) in uses)
                {
                    await RobotRows.UsedAsync(session, name, when);
                }
            },
            cancellationToken);
        foreach (KeyValuePair<string, long> use in uses)
        {
            _used.TryRemove(use);
        }
    }

    private async Task<Robot?> FindAsync(string name, CancellationToken cancellationToken)
    {
        Robot? robot = await metadata.ReadAsync(session => RobotRows.FindAsync(session, name), cancellationToken);
        return robot is { Expires: > 0 } && robot.Expires <= time.GetUtcNow().ToUnixTimeMilliseconds() ? null : robot;
    }

    private Principal Enter(Robot robot)
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        if (now - robot.LastUsed > 60_000)
        {
            _used[robot.Name] = now;
        }

        if (_parsed.Count > MaxParsed)
        {
            _parsed.Clear();
        }

        return new Principal(Prefix + robot.Name, [])
        {
            Kind = PrincipalKind.Robot,
            Proof = key.ProofOf(robot.SecretHash),
            OwnRights = _parsed.GetOrAdd((robot.Repositories, robot.Rights), static rules => new OwnRights(
                [.. rules.Repositories.Split('\n').Select(NamePattern.Parse)], (Rights)rules.Rights & Rights.All)),
        };
    }
}
