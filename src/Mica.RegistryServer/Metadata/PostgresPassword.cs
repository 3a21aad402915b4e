using System.Data.Common;
using Mica.Oci;

namespace Mica.RegistryServer.Metadata;

/// <summary>The password for PostgreSQL, which is in a file of its own.</summary>
internal static class PostgresPassword
{
    /// <summary>The connection string that the options give, with the password from the file if they name one.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unavailable"/>: the file cannot be read.</exception>
    public static async Task<string> ConnectionStringAsync(RegistryServerOptions options, CancellationToken cancellationToken)
    {
        if (options.PostgreSqlPasswordFile is not { } file)
        {
            return options.PostgreSql!;
        }

        try
        {
            string password = (await File.ReadAllTextAsync(file, cancellationToken)).TrimEnd('\r', '\n');
            return new DbConnectionStringBuilder { ConnectionString = options.PostgreSql!, ["Password"] = password }.ConnectionString;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.Unavailable, $"{file}: {Printable.Of(error.Message)}", error);
        }
    }
}
