using Mica.Oci;
using Npgsql;

namespace Mica.RegistryServer.Metadata;

/// <summary>What PostgreSQL and its driver say, in the registry's words. Nothing of a connection string gets into a message.</summary>
internal static class PostgresErrors
{
    /// <summary>Reads the connection string, with defaults that leave room for other replicas.</summary>
    public static NpgsqlConnectionStringBuilder Parse(string connectionString)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (Exception error) when (error is ArgumentException or FormatException or InvalidCastException)
        {
            // The parser's words may quote a part of the password, so they stay here.
            throw new MicaException(ErrorKind.InvalidArgument, "the connection string of postgresql is malformed: KEY=VALUE;… is expected");
        }

        if (string.IsNullOrEmpty(settings.Host))
        {
            throw new MicaException(ErrorKind.InvalidArgument, "the connection string of postgresql has no Host");
        }

        Default("Application Name", () => settings.ApplicationName = "mica registry");
        Default("Maximum Pool Size", () => settings.MaxPoolSize = 32);
        Default("Max Auto Prepare", () => settings.MaxAutoPrepare = 100);
        Default("Timeout", () => settings.Timeout = 5);
        Default("Keepalive", () => settings.KeepAlive = 30);
        return settings;

        void Default(string key, Action set)
        {
            if (!settings.ShouldSerialize(key))
            {
                set();
            }
        }
    }

    /// <summary>Another transaction was in the way; the same one may succeed when it is run again.</summary>
    public static bool IsConflict(NpgsqlException error) =>
        error.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected;

    /// <summary>The connection is gone, or there is none to be had just now.</summary>
    public static bool IsBroken(NpgsqlException error) => error is PostgresException
        ? error.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow
            or PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.ReadOnlySqlTransaction
            || error.SqlState!.StartsWith("08", StringComparison.Ordinal)
        : error.InnerException is not TimeoutException;

    public static MicaException Unknown(string place, NpgsqlException error) =>
        new(ErrorKind.Unavailable, $"{place}: the connection broke during a commit, and whether it was done is not known; ask again", error);

    public static MicaException Translate(string place, NpgsqlException error) => error switch
    {
        _ when IsConflict(error) => new MicaException(ErrorKind.Unavailable, $"{place}: too many writers are in each other's way", error),
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => new MicaException(ErrorKind.Unavailable, $"{place}: no space left on device", error),
        PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } =>
            new MicaException(ErrorKind.Unavailable, $"{place}: the server takes no writes", error),
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.LockNotAvailable } =>
            new MicaException(ErrorKind.Unavailable, $"{place}: the server took too long", error),
        PostgresException refused when IsRefusal(refused.SqlState) =>
            new MicaException(ErrorKind.PermissionDenied, $"{place}: {Printable.Of(refused.MessageText)}", error),
        PostgresException { SqlState: ['5', '3' or '7' or '8', ..] or ['0', '8', ..] } failed =>
            new MicaException(ErrorKind.Unavailable, $"{place}: {Printable.Of(failed.MessageText)}", error),
        PostgresException wrong => new MicaException(ErrorKind.Internal, $"{place}: {wrong.SqlState}: {Printable.Of(wrong.MessageText)}", error),
        { InnerException: TimeoutException } => new MicaException(ErrorKind.Unavailable, $"{place}: the server took too long", error),
        _ => new MicaException(ErrorKind.Unavailable, $"{place}: cannot be reached", error),
    };

    /// <summary>Wrong user, password or database, or a right that is missing.</summary>
    private static bool IsRefusal(string state) => state is PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.InsufficientPrivilege
        || state.StartsWith("28", StringComparison.Ordinal);
}
