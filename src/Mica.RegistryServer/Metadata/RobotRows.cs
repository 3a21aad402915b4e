using System.Data.Common;

namespace Mica.RegistryServer.Metadata;

/// <summary>A program that may come in by a secret of its own.</summary>
/// <param name="Name">Without <c>robot:</c>.</param>
/// <param name="SecretHash">SHA-256 of the secret, which is random, in hex.</param>
/// <param name="Repositories">Patterns over names of repositories, a line each.</param>
/// <param name="Rights">The numbers of its rights.</param>
/// <param name="Created">When, in Unix milliseconds.</param>
/// <param name="Expires">From when on it is nobody; 0 for never.</param>
/// <param name="LastUsed">When it came in last, give or take a minute; 0 for never.</param>
internal sealed record Robot(string Name, string SecretHash, string Repositories, long Rights, long Created, long Expires, long LastUsed);

/// <summary>Robots.</summary>
internal static class RobotRows
{
    private const string Columns = "name, secret_hash, repositories, rights, created, expires, last_used";

    /// <summary>False: there is one of this name.</summary>
    public static async ValueTask<bool> AddAsync(SqlSession session, Robot robot) => await session.RunAsync(
        """
        INSERT INTO robots (name, secret_hash, repositories, rights, created, expires) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (name) DO NOTHING
        """,
        robot.Name,
        robot.SecretHash,
        robot.Repositories,
        robot.Rights,
        robot.Created,
        robot.Expires) > 0;

    public static ValueTask<Robot?> FindAsync(SqlSession session, string name) =>
        session.FirstAsync<Robot?>($"SELECT {Columns} FROM robots WHERE name = $1", Read, name);

    public static ValueTask<List<Robot>> ListAsync(SqlSession session) =>
        session.ListAsync($"SELECT {Columns} FROM robots ORDER BY name", Read);

    /// <summary>False: there is none of this name.</summary>
    public static async ValueTask<bool> RemoveAsync(SqlSession session, string name) =>
        await session.RunAsync("DELETE FROM robots WHERE name = $1", name) > 0;

    public static ValueTask<int> UsedAsync(SqlSession session, string name, long when) =>
        session.RunAsync("UPDATE robots SET last_used = $2 WHERE name = $1 AND last_used < $2", name, when);

    private static Robot Read(DbDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5), row.GetInt64(6));
}
