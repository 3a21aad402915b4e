using Mica.Oci;
using SQLitePCL;

namespace Mica.Store;

/// <summary>
/// One connection to one SQLite file, for one thread at a time. A thin face over SQLite's own calls: statements are
/// prepared once, and every failure becomes one clear <see cref="MicaException"/>.
/// </summary>
internal sealed class Database : IDisposable
{
    /// <summary>How long a statement waits for another process's transaction; those last milliseconds.</summary>
    private const int BusyMilliseconds = 30_000;

    /// <summary>The end of the message when the disk is full.</summary>
    public const string NoSpace = "no space left on device";

    private readonly string _path;
    private readonly sqlite3 _handle;
    private readonly Dictionary<string, Statement> _statements = new(StringComparer.Ordinal);

    static Database() => raw.SetProvider(new SQLite3Provider_e_sqlite3());

    private Database(string path, sqlite3 handle)
    {
        _path = path;
        _handle = handle;
    }

    /// <summary>Rows that the last statement changed.</summary>
    public int Changes => raw.sqlite3_changes(_handle);

    /// <summary>A transaction has begun and neither been committed nor rolled back.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(_handle) == 0;

    public long LastRowId => raw.sqlite3_last_insert_rowid(_handle);

    /// <summary>Opens the file, which must exist: creating it is the caller's, who knows the right mode.</summary>
    public static Database Open(string path)
    {
        int result = raw.sqlite3_open_v2(path, out sqlite3 handle, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_NOMUTEX, null);
        var database = new Database(path, handle);
        try
        {
            database.Check(result);
            raw.sqlite3_extended_result_codes(handle, 1);
            raw.sqlite3_busy_timeout(handle, BusyMilliseconds);
            // Pages are read where the kernel has them, instead of being copied.
            database.Run("PRAGMA mmap_size = 1073741824");
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>The prepared statement for <paramref name="sql"/>, to be disposed before it is used again.</summary>
    public Statement Use(string sql)
    {
        if (!_statements.TryGetValue(sql, out Statement? statement))
        {
            Check(raw.sqlite3_prepare_v3(_handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out sqlite3_stmt handle));
            statement = new Statement(this, handle);
            _statements.Add(sql, statement);
        }

        if (statement.Busy)
        {
            throw new InvalidOperationException("a statement was used inside itself: " + sql);
        }

        statement.Busy = true;
        return statement;
    }

    /// <summary>Runs statements that take no values and return no rows.</summary>
    public void Run(string sql) => Check(raw.sqlite3_exec(_handle, sql));

    /// <summary>The first column of the only row.</summary>
    public long Scalar(string sql)
    {
        using Statement statement = Use(sql);
        return statement.Step() ? statement.Long(0) : 0;
    }

    public void Check(int result)
    {
        if (result != raw.SQLITE_OK)
        {
            throw Failure(result);
        }
    }

    public MicaException Damaged(string how) => new(ErrorKind.ContentMismatch,
        $"{_path}: the catalog is damaged ({how}); 'mica store check --rebuild' makes a new one from the blobs");

    public void Dispose()
    {
        foreach (Statement statement in _statements.Values)
        {
            statement.Finish();
        }

        _statements.Clear();
        _handle.Dispose();
    }

    /// <summary>What the system says when SQLite only says that it cannot: on a read-only file system the log cannot be made.</summary>
    private MicaException Refusal()
    {
        try
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle file =
                File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            return new MicaException(ErrorKind.PermissionDenied, $"{_path}: cannot be opened");
        }
        catch (Exception failure) when (StoreErrors.Translate(failure, _path) is { } translated)
        {
            return translated;
        }
    }

    private MicaException Failure(int result)
    {
        string detail = Printable.Of(raw.sqlite3_errmsg(_handle).utf8_to_string());
        const int SharedMemorySize = raw.SQLITE_IOERR | (19 << 8); // SQLITE_IOERR_SHMSIZE: no room for the -shm file.
        return (result == SharedMemorySize ? raw.SQLITE_FULL : result & 0xff) switch
        {
            raw.SQLITE_FULL => new(ErrorKind.Failed, $"{_path}: {NoSpace}"),
            raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => Damaged(detail),
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => new(ErrorKind.Unavailable, $"{_path}: another process keeps the catalog locked"),
            raw.SQLITE_READONLY or raw.SQLITE_PERM or raw.SQLITE_AUTH => new(ErrorKind.PermissionDenied, $"{_path}: no permission to write"),
            raw.SQLITE_CANTOPEN => Refusal(),
            raw.SQLITE_IOERR => new(ErrorKind.Failed, $"{_path}: input/output error ({detail})"),
            _ => new(ErrorKind.Internal, $"{_path}: {detail} (SQLite error {result})"),
        };
    }
}
