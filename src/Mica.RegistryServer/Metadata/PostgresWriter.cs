using Npgsql;

namespace Mica.RegistryServer.Metadata;

/// <summary>One of a process's writers: transactions one after another, numbered in a row of its own.</summary>
internal sealed class PostgresWriter(NpgsqlDataSource source, string id)
{
    /// <summary>The table; rows of processes that are gone are removed when another one starts to write.</summary>
    public const string Table =
        """
        CREATE TABLE IF NOT EXISTS writers (id TEXT PRIMARY KEY, number BIGINT NOT NULL, touched TIMESTAMPTZ NOT NULL DEFAULT now())
        """;

    private bool _isReady;
    private long _number;

    /// <summary>Makes the row, before the first transaction: what is not there yet could not be waited for.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        if (_isReady)
        {
            return;
        }

        await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken);
        await using NpgsqlBatch batch = connection.CreateBatch();
        Add(batch, "DELETE FROM writers WHERE touched < now() - INTERVAL '30 days'");
        Add(batch, "INSERT INTO writers (id, number) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING", Text(id));
        await batch.ExecuteNonQueryAsync(cancellationToken);
        _isReady = true;
    }

    /// <summary>Ends the open transaction of the connection; costs no more turns than a plain COMMIT.</summary>
    public async Task CommitAsync(NpgsqlConnection connection)
    {
        _number++;
        await using NpgsqlBatch batch = connection.CreateBatch();
        Add(batch, "UPDATE writers SET number = $2, touched = now() WHERE id = $1", Text(id), new NpgsqlParameter<long> { TypedValue = _number });
        Add(batch, "COMMIT");
        await batch.ExecuteNonQueryAsync(CancellationToken.None);
    }

    /// <summary>
    /// Whether the last transaction was committed; null when nothing can be said. Waits for one that is just being committed,
    /// and keeps one that was not from being it later.
    /// </summary>
    public async Task<bool?> HasCommittedAsync()
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync(CancellationToken.None);
        await using NpgsqlCommand command = connection.CreateCommand();
        command.CommandText = "UPDATE writers SET touched = now() WHERE id = $1 RETURNING number";
        command.Parameters.Add(Text(id));
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(CancellationToken.None);
        return await reader.ReadAsync(CancellationToken.None) ? reader.GetInt64(0) == _number : null;
    }

    private static NpgsqlParameter<string> Text(string value) => new() { TypedValue = value };

    private static void Add(NpgsqlBatch batch, string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (NpgsqlParameter parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        batch.BatchCommands.Add(command);
    }
}
