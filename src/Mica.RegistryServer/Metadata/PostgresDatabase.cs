using System.Collections.Concurrent;
using System.Data;
using System.Security.Cryptography;
using Npgsql;

namespace Mica.RegistryServer.Metadata;

/// <summary>
/// The metadata in PostgreSQL, for any number of replicas at once. Writes are SERIALIZABLE and run again when they conflict;
/// a connection that breaks is replaced, so a restart of the server is a pause and not an error as long as it is short.
/// </summary>
/// <remarks>
/// A connection that breaks during COMMIT leaves open whether the transaction was committed. Each of the process's writers
/// therefore has a row in the table <c>writers</c>, where every transaction leaves its number as its last statement. After a
/// break the number says what happened, and the question itself updates the row: a transaction that is still on its way with
/// an older snapshot can commit no more. So work is done exactly once, or the caller is told that the outcome is unknown.
/// </remarks>
internal sealed class PostgresDatabase : MetadataDatabase
{
    /// <summary>Transactions of this process at once; more would only get into each other's way.</summary>
    private const int MaxWriters = 8;

    private readonly NpgsqlDataSource _source;
    private readonly string _place;
    private readonly SemaphoreSlim _turns = new(MaxWriters);
    private readonly ConcurrentStack<PostgresWriter> _writers = new();

    private PostgresDatabase(NpgsqlDataSource source, string place)
    {
        _source = source;
        _place = place;
    }

    public override bool IsExclusive => false;

    public override SqlDialect Dialect { get; } = new()
    {
        Identity = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        Bytes = "BYTEA",
        OrderedText = "TEXT COLLATE \"C\"",
    };

    /// <summary>Connects, making the tables when they are not there. Any number of replicas may do so at once.</summary>
    public static async Task<PostgresDatabase> OpenAsync(string connectionString, CancellationToken cancellationToken)
    {
        NpgsqlConnectionStringBuilder settings = PostgresErrors.Parse(connectionString);
        var builder = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString);
        builder.EnableTransportSecurity();
        var database = new PostgresDatabase(builder.Build(), $"postgresql at {settings.Host}:{settings.Port}");
        try
        {
            await database.CreateAsync(cancellationToken);
            return database;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    public override async Task<T> ReadAsync<T>(Func<SqlSession, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        var patience = new PostgresPatience(_place);
        while (true)
        {
            try
            {
                await using NpgsqlConnection connection = await _source.OpenConnectionAsync(cancellationToken);
                return await work(new SqlSession(connection, cancellationToken));
            }
            catch (NpgsqlException error)
            {
                await AgainAsync(patience, error, cancellationToken);
            }
        }
    }

    public override async Task<T> WriteAsync<T>(Func<SqlSession, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken);
        if (!_writers.TryPop(out PostgresWriter? writer))
        {
            writer = new PostgresWriter(_source, RandomNumberGenerator.GetHexString(32, lowercase: true));
        }

        try
        {
            var patience = new PostgresPatience(_place);
            while (true)
            {
                try
                {
                    T result = await TryWriteAsync(writer, work, patience, cancellationToken);
                    Committed();
                    return result;
                }
                catch (NpgsqlException error)
                {
                    await AgainAsync(patience, error, cancellationToken);
                }
            }
        }
        finally
        {
            _writers.Push(writer);
            _turns.Release();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync();
        _turns.Dispose();
    }

    /// <summary>One run of the work. Whatever error of the driver comes out, nothing of it was committed.</summary>
    private async Task<T> TryWriteAsync<T>(
        PostgresWriter writer, Func<SqlSession, ValueTask<T>> work, PostgresPatience patience, CancellationToken cancellationToken)
    {
        await writer.PrepareAsync(cancellationToken);
        T result;
        NpgsqlException broken;
        await using (NpgsqlConnection connection = await _source.OpenConnectionAsync(cancellationToken))
        await using (NpgsqlTransaction transaction = await connection.BeginTransactionAsync(IsolationLevel.Serializable, cancellationToken))
        {
            result = await work(new SqlSession(connection, cancellationToken));
            try
            {
                // From here on nobody can call it off: half a request must not decide whether its work is done.
                await writer.CommitAsync(connection);
                return result;
            }
            catch (NpgsqlException error) when (error is not PostgresException { InvariantSeverity: "ERROR" })
            {
                broken = error;
            }
        }

        return await HasCommittedAsync(writer, patience) switch
        {
            true => result,
            false => throw broken,
            null => throw PostgresErrors.Unknown(_place, broken),
        };
    }

    private async Task<bool?> HasCommittedAsync(PostgresWriter writer, PostgresPatience patience)
    {
        while (true)
        {
            try
            {
                return await writer.HasCommittedAsync();
            }
            catch (NpgsqlException error) when (PostgresErrors.IsBroken(error) && patience.IsLeft)
            {
                // The work may be done, so who asked for it cannot call this off.
                await AgainAsync(patience, error, CancellationToken.None);
            }
            catch (NpgsqlException)
            {
                return null;
            }
        }
    }

    private async Task AgainAsync(PostgresPatience patience, NpgsqlException error, CancellationToken cancellationToken)
    {
        if (PostgresErrors.IsBroken(error))
        {
            // What happened to one idle connection has happened to the others.
            _source.Clear();
        }

        await patience.WaitAsync(error, cancellationToken);
    }

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        const int Attempts = 10;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await WriteDirectlyAsync(PostgresWriter.Table, cancellationToken);
                await MetadataSchema.CreateAsync(this, cancellationToken);
                return;
            }
            catch (Oci.MicaException error) when (attempt < Attempts && error.InnerException is PostgresException
            {
                SqlState: PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DuplicateTable or PostgresErrorCodes.DuplicateObject
            })
            {
                // CREATE TABLE IF NOT EXISTS fails when another replica makes the table at the same time.
            }
        }
    }

    private Task<int> WriteDirectlyAsync(string sql, CancellationToken cancellationToken) =>
        ReadAsync(session => session.RunAsync(sql), cancellationToken);
}
