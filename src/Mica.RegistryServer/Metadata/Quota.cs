using System.Collections.Immutable;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Metadata;

/// <summary>How much the repositories below a prefix have together.</summary>
internal static class Quota
{
    /// <summary>Refuses what the transaction has written so far if it puts a namespace above its quota.</summary>
    public static async ValueTask CheckAsync(SqlSession session, ImmutableSortedDictionary<string, long> quotas, string repository)
    {
        foreach ((string prefix, long most) in quotas)
        {
            if (repository != prefix && !repository.StartsWith(prefix + "/", StringComparison.Ordinal))
            {
                continue;
            }

            long used = await UsedAsync(session, prefix);
            if (used > most)
            {
                throw new RefusedException(ErrorCode.QuotaExceeded, $"{prefix} would have {used} bytes; its quota is {most}");
            }
        }
    }

    /// <summary>The bytes of all blobs of the namespace, each counted once.</summary>
    public static ValueTask<long> UsedAsync(SqlSession session, string prefix) => session.NumberAsync(
        // '0' is the character behind '/'.
        """
        SELECT CAST(SUM(size) AS BIGINT) FROM blobs WHERE digest IN (
          SELECT l.digest FROM repository_blobs l JOIN repositories r ON r.id = l.repository
          WHERE r.name = $1 OR (r.name >= $2 AND r.name < $3))
        """,
        prefix,
        prefix + "/",
        prefix + "0");
}
