using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Collection;

/// <summary>Why a blob or a manifest stays: what leads to it, from a tag down.</summary>
internal static class BlobExplanation
{
    private const int MaxLines = 1000;

    /// <summary>One line per reason; empty when nothing of that digest is there.</summary>
    public static async ValueTask<ImmutableArray<string>> OfAsync(
        SqlSession session, Digest digest, RegistryLimits limits, long now)
    {
        ImmutableArray<string>.Builder lines = ImmutableArray.CreateBuilder<string>();
        string text = digest.ToString();
        foreach ((long id, string repository, long leased) in await session.ListAsync(
            "SELECT r.id, r.name, l.leased FROM repository_blobs l JOIN repositories r ON r.id = l.repository WHERE l.digest = $1 ORDER BY r.name",
            static row => (row.GetInt64(0), row.GetString(1), row.GetInt64(2)),
            text))
        {
            int before = lines.Count;
            await NeedersAsync(session, id, repository, text, "blob", limits, now, lines, []);
            if (leased > now)
            {
                lines.Add($"{repository}: pushed or asked for lately; held until {Time(leased)}");
            }
            else if (lines.Count == before)
            {
                lines.Add($"{repository}: nothing needs it; the next collection takes it from there");
            }
        }

        foreach ((long id, string repository) in await session.ListAsync(
            "SELECT r.id, r.name FROM manifests m JOIN repositories r ON r.id = m.repository WHERE m.digest = $1 ORDER BY r.name",
            static row => (row.GetInt64(0), row.GetString(1)),
            text))
        {
            await ManifestAsync(session, id, repository, text, "", limits, now, lines, []);
        }

        if (lines.Count == 0 && await session.NumberAsync("SELECT 1 FROM blobs WHERE digest = $1", text) == 1)
        {
            lines.Add("no repository has it; the next collection removes its bytes");
        }

        return lines.ToImmutable();
    }

    private static async ValueTask NeedersAsync(
        SqlSession session,
        long id,
        string repository,
        string target,
        string path,
        RegistryLimits limits,
        long now,
        ImmutableArray<string>.Builder lines,
        HashSet<string> seen)
    {
        foreach (string manifest in await session.ListAsync(
            "SELECT manifest FROM edges WHERE repository = $1 AND target = $2 ORDER BY manifest", static row => row.GetString(0), id, target))
        {
            if (seen.Add(manifest) && lines.Count < MaxLines)
            {
                await ManifestAsync(session, id, repository, manifest, $"manifest {manifest[..19]} -> {path}", limits, now, lines, seen);
            }
        }
    }

    private static async ValueTask ManifestAsync(
        SqlSession session,
        long id,
        string repository,
        string digest,
        string path,
        RegistryLimits limits,
        long now,
        ImmutableArray<string>.Builder lines,
        HashSet<string> seen)
    {
        (long untagged, long pulled, string? subject) = await session.FirstAsync(
            "SELECT untagged, pulled, subject FROM manifests WHERE repository = $1 AND digest = $2",
            static row => (row.GetInt64(0), row.GetInt64(1), row.IsDBNull(2) ? null : row.GetString(2)),
            id,
            digest);
        string arrow = path.Length == 0 ? "" : $" -> {path}";
        int before = lines.Count;
        foreach (string tag in await session.ListAsync(
            "SELECT name FROM tags WHERE repository = $1 AND digest = $2 ORDER BY name", static row => row.GetString(0), id, digest))
        {
            lines.Add($"{repository}: tag {tag}{arrow}");
        }

        if (subject is not null && await session.NumberAsync("SELECT 1 FROM manifests WHERE repository = $1 AND digest = $2", id, subject) == 1)
        {
            lines.Add($"{repository}: refers to {subject[..19]}, which is there{arrow}");
        }

        await NeedersAsync(session, id, repository, digest, path.Length == 0 ? "manifest" : path, limits, now, lines, seen);
        if (lines.Count > before)
        {
            return;
        }

        long until = Math.Max(untagged, pulled) + (long)limits.Grace.TotalMilliseconds;
        lines.Add(untagged == StoredManifest.NeverTagged ? $"{repository}: pushed by digest, kept for good{arrow}"
            : until > now ? $"{repository}: no tag since {Time(untagged)}; kept until {Time(until)} so that the move can be undone{arrow}"
            : $"{repository}: nothing needs it; the next collection removes it{arrow}");
    }

    private static string Time(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
}
