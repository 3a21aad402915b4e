namespace Mica.RegistryServer.Metadata;

/// <summary>Repositories: they are there as soon as something is put into them, and disappear with the last that they have.</summary>
internal static class RepositoryRows
{
    /// <summary>The repository's number, or null.</summary>
    public static async ValueTask<long?> FindAsync(SqlSession session, string name) =>
        await session.FirstAsync("SELECT id FROM repositories WHERE name = $1", static row => (long?)row.GetInt64(0), name);

    /// <summary>The repository's number; made when there is none.</summary>
    public static async ValueTask<long> EnsureAsync(SqlSession session, string name, long now)
    {
        if (await FindAsync(session, name) is { } found)
        {
            return found;
        }

        await session.RunAsync("INSERT INTO repositories (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, now);
        return (await FindAsync(session, name))!.Value;
    }

    /// <summary>At most <paramref name="count"/> names behind <paramref name="last"/>, in the order of their bytes; those that have a manifest.</summary>
    public static ValueTask<List<string>> ListAsync(SqlSession session, string last, long count) => session.ListAsync(
        """
        SELECT name FROM repositories r WHERE name > $1
          AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.id)
        ORDER BY name LIMIT $2
        """,
        static row => row.GetString(0),
        last,
        count);
}
