using Mica.Oci;
using SQLitePCL;

namespace Mica.Store;

/// <summary>
/// One prepared statement, lent out by <see cref="Database.Use"/>: bind, step, read the columns; disposing gives it back
/// for the next use of the same text.
/// </summary>
internal sealed class Statement(Database database, sqlite3_stmt handle) : IDisposable
{
    /// <summary>Lent out: the same text is being stepped already.</summary>
    public bool Busy { get; set; }

    public Statement Bind(int position, long value)
    {
        database.Check(raw.sqlite3_bind_int64(handle, position, value));
        return this;
    }

    public Statement Bind(int position, string? value)
    {
        database.Check(value is null ? raw.sqlite3_bind_null(handle, position) : raw.sqlite3_bind_text(handle, position, value));
        return this;
    }

    public Statement Bind(int position, Digest value) => Bind(position, value.ToString());

    public Statement Bind(int position, DateTimeOffset value) => Bind(position, value.UtcTicks);

    /// <summary>True: there is a row. False: the statement is done.</summary>
    public bool Step()
    {
        int result = raw.sqlite3_step(handle);
        if (result is raw.SQLITE_ROW or raw.SQLITE_DONE)
        {
            return result == raw.SQLITE_ROW;
        }

        database.Check(result);
        return false;
    }

    /// <summary>Runs a statement that returns no rows; tells how many it changed.</summary>
    public int Run()
    {
        while (Step())
        {
        }

        return database.Changes;
    }

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    public long Long(int column) => raw.sqlite3_column_int64(handle, column);

    public long? LongOrNull(int column) => IsNull(column) ? null : Long(column);

    public int Int(int column) => raw.sqlite3_column_int(handle, column);

    public bool Bool(int column) => Int(column) != 0;

    public string Text(int column) => raw.sqlite3_column_text(handle, column).utf8_to_string();

    public string? TextOrNull(int column) => IsNull(column) ? null : Text(column);

    public Digest Digest(int column) => Oci.Digest.TryParse(Text(column), out Digest digest)
        ? digest
        : throw database.Damaged($"\"{Printable.Of(Text(column))}\" stands where a digest should");

    public Digest? DigestOrNull(int column) => IsNull(column) ? null : Digest(column);

    public DateTimeOffset Time(int column) => new(Math.Clamp(Long(column), 0, DateTimeOffset.MaxValue.UtcTicks), TimeSpan.Zero);

    public DateTimeOffset? TimeOrNull(int column) => IsNull(column) ? null : Time(column);

    /// <summary>Gives the statement back.</summary>
    public void Dispose()
    {
        raw.sqlite3_reset(handle);
        raw.sqlite3_clear_bindings(handle);
        Busy = false;
    }

    /// <summary>Ends the statement for good.</summary>
    public void Finish() => handle.Dispose();
}
