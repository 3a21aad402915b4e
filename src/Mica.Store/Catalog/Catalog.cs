using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// The store's catalog: one SQLite database in WAL mode, shared by any number of processes. Work comes as short
/// transactions, run one at a time per process; between processes SQLite serializes the writers.
/// </summary>
internal sealed class Catalog : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Database _database;
    private readonly StoreOptions _options;
    private bool? _forcing;

    private Catalog(Database database, StoreOptions options)
    {
        _database = database;
        _options = options;
    }

    /// <summary>Opens the catalog; null when there is none yet, or somebody is just making it.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.InvalidArgument"/>: not a catalog. <see cref="ErrorKind.Unsupported"/>: a newer mica wrote it.
    /// </exception>
    public static Catalog? TryOpen(string path, StoreOptions options)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        Database database = Database.Open(path);
        try
        {
            long version = database.Scalar("PRAGMA user_version");
            if (version == 0)
            {
                database.Dispose();
                return null;
            }

            if (database.Scalar("PRAGMA application_id") != CatalogSchema.ApplicationId)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"{path}: not a catalog of mica");
            }

            if (version < CatalogSchema.Version)
            {
                version = Upgrade(database);
            }

            return version == CatalogSchema.Version
                ? new Catalog(database, options)
                : throw new MicaException(ErrorKind.Unsupported,
                    $"{path}: written by a newer mica (catalog version {version}, this one knows {CatalogSchema.Version})");
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Makes the catalog; whoever calls this holds the store's lock.</summary>
    public static Catalog Create(string path, StoreOptions options)
    {
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite,
            UnixCreateMode = OwnerOnly,
        }).Dispose();
        Database database = Database.Open(path);
        try
        {
            if (database.Scalar("SELECT count(*) FROM sqlite_schema") != 0)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"{path}: not a catalog of mica");
            }

            database.Run("PRAGMA journal_mode = WAL");
            database.Run(CatalogSchema.Create);
            return new Catalog(database, options);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Runs queries on one consistent state.</summary>
    public T Read<T>(Func<Database, T> read)
    {
        lock (_gate)
        {
            return Transact("BEGIN", read);
        }
    }

    /// <summary>
    /// Runs one atomic change. A <paramref name="durable"/> one is on the disk when this returns, and with it all that came
    /// before: so are moves of names, and deletions, whose files go next. Of the others a power failure may undo the last
    /// ones; then a blob is fetched again.
    /// </summary>
    public T Write<T>(Func<Database, T> write, bool durable = false)
    {
        lock (_gate)
        {
            if (durable != _forcing)
            {
                _database.Run($"PRAGMA synchronous = {(!_options.Durable ? "OFF" : durable ? "FULL" : "NORMAL")}");
                _forcing = durable;
            }

            return Transact("BEGIN IMMEDIATE", write);
        }
    }

    /// <summary>Runs one atomic change that has no result.</summary>
    public void Write(Action<Database> write, bool durable = false) =>
        Write(database =>
        {
            write(database);
            return true;
        }, durable);

    /// <summary>What makes the catalog wrong in itself; null when nothing does.</summary>
    public string? Examine()
    {
        lock (_gate)
        {
            using Statement check = _database.Use("PRAGMA integrity_check(1)");
            return check.Step() && check.Text(0) is { } finding && finding != "ok" ? finding : null;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _database.Dispose();
        }
    }

    /// <summary>In one transaction; what another process has done meanwhile is not done again.</summary>
    private static long Upgrade(Database database)
    {
        database.Run("BEGIN IMMEDIATE");
        try
        {
            for (long version = database.Scalar("PRAGMA user_version"); version < CatalogSchema.Version; version++)
            {
                database.Run($"{CatalogSchema.Upgrades[version]} PRAGMA user_version = {version + 1}");
            }

            database.Run("COMMIT");
        }
        finally
        {
            if (database.InTransaction)
            {
                database.Run("ROLLBACK");
            }
        }

        return database.Scalar("PRAGMA user_version");
    }

    private T Transact<T>(string begin, Func<Database, T> work)
    {
        Execute(begin);
        try
        {
            T result = work(_database);
            if (begin != "BEGIN")
            {
                _options.Failpoint?.Invoke("commit");
            }

            Execute("COMMIT");
            return result;
        }
        catch
        {
            // SQLite has rolled back itself after some failures, such as a full disk.
            if (_database.InTransaction)
            {
                Execute("ROLLBACK");
            }

            throw;
        }
    }

    private void Execute(string sql)
    {
        using Statement statement = _database.Use(sql);
        statement.Run();
    }
}
