namespace Mica.RegistryServer.Metadata;

/// <summary>
/// The database that knows what the registry has. Work on it is a function over a <see cref="SqlSession"/>: reads see one
/// consistent state, writes are serializable transactions, whichever database it is. A write may be run again after a
/// conflict with another replica, so it must change nothing but the database.
/// </summary>
internal abstract class MetadataDatabase : IAsyncDisposable
{
    private long _generation;

    /// <summary>Raised by every committed write of this process; what is remembered from before it may be wrong.</summary>
    public long Generation => Interlocked.Read(ref _generation);

    /// <summary>
    /// Only this process serves the data, so <see cref="Generation"/> tells whether anything changed; what a tool beside it
    /// changes is noticed within a second.
    /// </summary>
    public abstract bool IsExclusive { get; }

    /// <summary>The words in which the schema of this database differs.</summary>
    public abstract SqlDialect Dialect { get; }

    public abstract Task<T> ReadAsync<T>(Func<SqlSession, ValueTask<T>> work, CancellationToken cancellationToken);

    public abstract Task<T> WriteAsync<T>(Func<SqlSession, ValueTask<T>> work, CancellationToken cancellationToken);

    public Task WriteAsync(Func<SqlSession, ValueTask> work, CancellationToken cancellationToken) => WriteAsync(
        async session =>
        {
            await work(session);
            return true;
        },
        cancellationToken);

    /// <summary>Raises <see cref="Generation"/> when another process has written, where that matters.</summary>
    public virtual Task NoticeChangesAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public abstract ValueTask DisposeAsync();

    /// <summary>Called after each commit.</summary>
    protected void Committed() => Interlocked.Increment(ref _generation);

}

/// <summary>What the schema says in SQLite's and in PostgreSQL's words.</summary>
internal sealed record SqlDialect
{
    /// <summary>A key that the database counts up.</summary>
    public required string Identity { get; init; }

    /// <summary>Bytes.</summary>
    public required string Bytes { get; init; }

    /// <summary>Text that is ordered by its bytes: tags and names are listed in that order.</summary>
    public required string OrderedText { get; init; }
}
