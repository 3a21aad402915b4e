using System.Collections.Concurrent;
using System.Data.Common;
using Mica.Oci;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Mica.RegistryServer.Metadata;

/// <summary>
/// The metadata in one SQLite file, in WAL mode: any number of readers beside one writer. A commit is on the disk when it
/// returns. Tools of the same machine may open the file beside the server.
/// </summary>
internal sealed class SqliteDatabase : MetadataDatabase
{
    private const int BusySeconds = 30;

    private readonly string _path;
    private readonly ConcurrentStack<Connection> _readers = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Connection _writer;
    private long _version;

    static SqliteDatabase() => raw.SetProvider(new SQLite3Provider_e_sqlite3());

    private SqliteDatabase(string path, Connection writer)
    {
        _path = path;
        _writer = writer;
    }

    public override bool IsExclusive => true;

    public override SqlDialect Dialect { get; } =
        new() { Identity = "INTEGER PRIMARY KEY", Bytes = "BLOB", OrderedText = "TEXT" };

    /// <summary>Opens the file, making it and its tables when they are not there.</summary>
    public static async Task<SqliteDatabase> OpenAsync(string path, CancellationToken cancellationToken)
    {
        Connection writer;
        try
        {
            writer = Connection.Open(path);
        }
        catch (SqliteException error)
        {
            throw Translate(error, path);
        }

        var database = new SqliteDatabase(path, writer);
        try
        {
            await MetadataSchema.CreateAsync(database, cancellationToken);
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
        try
        {
            if (!_readers.TryPop(out Connection? connection))
            {
                connection = Connection.Open(_path);
            }

            try
            {
                // A statement alone needs no transaction; those that read twice say so themselves by what they do with it.
                return await work(connection.Session(cancellationToken));
            }
            finally
            {
                _readers.Push(connection);
            }
        }
        catch (SqliteException error)
        {
            throw Translate(error, _path);
        }
    }

    public override async Task<T> WriteAsync<T>(Func<SqlSession, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            SqlSession session = _writer.Session(cancellationToken);
            await session.RunAsync("BEGIN IMMEDIATE");
            T result;
            try
            {
                result = await work(session);
                await _writer.Session(CancellationToken.None).RunAsync("COMMIT");
            }
            catch
            {
                // An error may have ended the transaction already.
                if (raw.sqlite3_get_autocommit(_writer.Sqlite.Handle) == 0)
                {
                    await _writer.Session(CancellationToken.None).RunAsync("ROLLBACK");
                }

                throw;
            }

            if (!session.LeavesManifests)
            {
                Committed();
            }

            return result;
        }
        catch (SqliteException error)
        {
            throw Translate(error, _path);
        }
        finally
        {
            _writing.Release();
        }
    }

    public override async Task NoticeChangesAsync(CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            // Changes when another connection has written, and none of ours but this one writes.
            long version = await _writer.Session(cancellationToken).NumberAsync("PRAGMA data_version");
            if (Interlocked.Exchange(ref _version, version) != version)
            {
                Committed();
            }
        }
        catch (SqliteException error)
        {
            throw Translate(error, _path);
        }
        finally
        {
            _writing.Release();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        while (_readers.TryPop(out Connection? connection))
        {
            await connection.DisposeAsync();
        }

        await _writer.DisposeAsync();
        _writing.Dispose();
    }

    private static MicaException Translate(SqliteException error, string path) => error.SqliteErrorCode switch
    {
        raw.SQLITE_FULL => new MicaException(ErrorKind.Unavailable, $"{path}: no space left on device", error),
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => new MicaException(ErrorKind.Unavailable, $"{path}: another process keeps the metadata locked", error),
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => new MicaException(ErrorKind.ContentMismatch, $"{path}: the metadata is damaged", error),
        raw.SQLITE_READONLY or raw.SQLITE_PERM or raw.SQLITE_AUTH or raw.SQLITE_CANTOPEN =>
            new MicaException(ErrorKind.PermissionDenied, $"{path}: cannot be opened for writing", error),
        _ => new MicaException(ErrorKind.Internal, $"{path}: {Printable.Of(error.Message)}", error),
    };

    /// <summary>A connection with its prepared statements.</summary>
    private sealed class Connection(SqliteConnection sqlite) : IAsyncDisposable
    {
        private readonly Dictionary<string, DbCommand> _prepared = new(StringComparer.Ordinal);

        public SqliteConnection Sqlite => sqlite;

        public static Connection Open(string path)
        {
            var sqlite = new SqliteConnection(new SqliteConnectionStringBuilder
            {
                DataSource = path,
                Pooling = false,
                DefaultTimeout = BusySeconds,
            }.ToString());
            sqlite.Open();
            using SqliteCommand settings = sqlite.CreateCommand();
            settings.CommandText = """
                PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -8000
                """;
            settings.ExecuteNonQuery();
            return new Connection(sqlite);
        }

        public SqlSession Session(CancellationToken cancellationToken) => new(sqlite, _prepared, cancellationToken);

        public async ValueTask DisposeAsync()
        {
            foreach (DbCommand command in _prepared.Values)
            {
                await command.DisposeAsync();
            }

            await sqlite.DisposeAsync();
        }
    }
}
