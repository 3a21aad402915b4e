using System.Data.Common;

namespace Mica.RegistryServer.Metadata;

/// <summary>An upload that has begun: its bytes grow at the end until a digest completes it.</summary>
/// <param name="Id">The last part of its address, not to be guessed; also where the storage has its bytes.</param>
/// <param name="Repository">The repository that it is for.</param>
/// <param name="Who">Who began it.</param>
/// <param name="Size">Bytes that have been taken.</param>
/// <param name="State">What the storage needs to go on; null for nothing.</param>
internal sealed record Upload(string Id, string Repository, string Who, long Size, string? State);

/// <summary>Uploads in flight. They are rows, so that any replica can go on with one.</summary>
internal static class UploadRows
{
    public static ValueTask<int> AddAsync(SqlSession session, Upload upload, long now) => session.RunAsync(
        "INSERT INTO uploads (id, repository, who, started, touched, size) VALUES ($1, $2, $3, $4, $4, 0)",
        upload.Id,
        upload.Repository,
        upload.Who,
        now);

    public static ValueTask<Upload?> FindAsync(SqlSession session, string repository, string id) => session.FirstAsync<Upload?>(
        "SELECT id, repository, who, size, state FROM uploads WHERE id = $1 AND repository = $2", Read, id, repository);

    public static async ValueTask<bool> ExistsAsync(SqlSession session, string id) =>
        await session.NumberAsync("SELECT 1 FROM uploads WHERE id = $1", id) == 1;

    /// <summary>Notes that the upload has grown from <paramref name="before"/>; false when another request was faster.</summary>
    public static async ValueTask<bool> GrowAsync(SqlSession session, Upload upload, long before, long now) => await session.RunAsync(
        "UPDATE uploads SET size = $3, state = $4, touched = $5 WHERE id = $1 AND size = $2",
        upload.Id,
        before,
        upload.Size,
        upload.State,
        now) > 0;

    /// <summary>Ends the upload as one of that size; false when it had ended or grown.</summary>
    public static async ValueTask<bool> RemoveAsync(SqlSession session, string id, long size) =>
        await session.RunAsync("DELETE FROM uploads WHERE id = $1 AND size = $2", id, size) > 0;

    /// <summary>Ends the upload; false when it had ended.</summary>
    public static async ValueTask<bool> RemoveAsync(SqlSession session, string id) =>
        await session.RunAsync("DELETE FROM uploads WHERE id = $1", id) > 0;

    /// <summary>Uploads that nobody went on with since <paramref name="before"/>.</summary>
    public static ValueTask<List<Upload>> AbandonedAsync(SqlSession session, long before, long count) => session.ListAsync(
        "SELECT id, repository, who, size, state FROM uploads WHERE touched < $1 LIMIT $2", Read, before, count);

    private static Upload Read(DbDataReader row) =>
        new(row.GetString(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.IsDBNull(4) ? null : row.GetString(4));
}
