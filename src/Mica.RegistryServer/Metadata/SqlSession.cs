using System.Data.Common;

namespace Mica.RegistryServer.Metadata;

/// <summary>
/// A connection for the length of one piece of work. Statements have positional parameters <c>$1</c>, <c>$2</c> …, which both
/// databases understand; values are <see cref="long"/>, <see cref="string"/>, bytes or null. Times are Unix milliseconds.
/// </summary>
internal sealed class SqlSession(DbConnection connection, CancellationToken cancellationToken)
{
    private readonly Dictionary<string, DbCommand>? _prepared;

    public SqlSession(DbConnection connection, Dictionary<string, DbCommand> prepared, CancellationToken cancellationToken)
        : this(connection, cancellationToken) => _prepared = prepared;

    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>This work changes nothing about which manifest a name or a digest gives; what is remembered of them stays right.</summary>
    public bool LeavesManifests { get; set; }

    /// <summary>Runs a statement; tells how many rows it changed.</summary>
    public async ValueTask<int> RunAsync(string sql, params object?[] values)
    {
        DbCommand command = Bind(sql, values);
        try
        {
            return await command.ExecuteNonQueryAsync(CancellationToken);
        }
        finally
        {
            await ReleaseAsync(command);
        }
    }

    /// <summary>The first row, read by <paramref name="read"/>; the type's default when there is none.</summary>
    public async ValueTask<T?> FirstAsync<T>(string sql, Func<DbDataReader, T> read, params object?[] values)
    {
        DbCommand command = Bind(sql, values);
        try
        {
            await using DbDataReader reader = await command.ExecuteReaderAsync(CancellationToken);
            return await reader.ReadAsync(CancellationToken) ? read(reader) : default;
        }
        finally
        {
            await ReleaseAsync(command);
        }
    }

    /// <summary>All rows.</summary>
    public async ValueTask<List<T>> ListAsync<T>(string sql, Func<DbDataReader, T> read, params object?[] values)
    {
        DbCommand command = Bind(sql, values);
        try
        {
            await using DbDataReader reader = await command.ExecuteReaderAsync(CancellationToken);
            var rows = new List<T>();
            while (await reader.ReadAsync(CancellationToken))
            {
                rows.Add(read(reader));
            }

            return rows;
        }
        finally
        {
            await ReleaseAsync(command);
        }
    }

    /// <summary>The first column of the first row as a number; 0 when there is none.</summary>
    public async ValueTask<long> NumberAsync(string sql, params object?[] values) =>
        await FirstAsync(sql, Number, values);

    /// <summary>A literal is 32 bits wide for PostgreSQL, and a sum of columns a decimal.</summary>
    private static long Number(DbDataReader row) => row.IsDBNull(0) ? 0
        : row.GetFieldType(0) is var type && type == typeof(int) ? row.GetInt32(0)
        : type == typeof(decimal) ? (long)row.GetDecimal(0)
        : row.GetInt64(0);

    private DbCommand Bind(string sql, object?[] values)
    {
        if (_prepared is null || !_prepared.Remove(sql, out DbCommand? command))
        {
            command = connection.CreateCommand();
            command.CommandText = sql;
            for (int position = 1; position <= values.Length; position++)
            {
                DbParameter parameter = command.CreateParameter();
                if (_prepared is not null)
                {
                    parameter.ParameterName = $"${position}";
                }

                command.Parameters.Add(parameter);
            }
        }

        for (int index = 0; index < values.Length; index++)
        {
            command.Parameters[index].Value = values[index] ?? DBNull.Value;
        }

        return command;
    }

    /// <summary>A statement of SQLite stays prepared on its connection; PostgreSQL's driver prepares by text.</summary>
    private ValueTask ReleaseAsync(DbCommand command)
    {
        if (_prepared is not null && _prepared.TryAdd(command.CommandText, command))
        {
            return ValueTask.CompletedTask;
        }

        return command.DisposeAsync();
    }
}
