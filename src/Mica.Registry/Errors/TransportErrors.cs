using System.Net.Sockets;
using System.Security.Authentication;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>The one table from failures on the way to a host (no answer, or half of one) to errors.</summary>
internal static class TransportErrors
{
    /// <summary>Whether <paramref name="error"/> is a failure of the network rather than of this program.</summary>
    public static bool IsTransport(Exception error) => error is HttpRequestException or IOException or SocketException or TimeoutException;

    /// <param name="error">What the HTTP client threw.</param>
    /// <param name="host">Host and port, as the user knows it.</param>
    public static RegistryException Of(Exception error, string host)
    {
        if (Find<CertificateRefusedException>(error) is { } certificate)
        {
            return new RegistryException(ErrorKind.Unavailable,
                $"cannot reach {host}: {certificate.Message}; trust its authority by a file certs.d/{host}/ca.crt,"
                + " or set insecure = true for it in registries.conf", error);
        }

        if (NoTls(error))
        {
            return new RegistryException(ErrorKind.Unavailable, HandshakeText(error, host), error);
        }

        SocketError? socket = Find<SocketException>(error)?.SocketErrorCode;
        return new RegistryException(ErrorKind.Unavailable, $"cannot reach {host}: {Text(error, socket)}", error)
        {
            IsTransient = socket is not (SocketError.HostNotFound or SocketError.NoData)
                && error is not HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse },
        };
    }

    /// <summary>Whether the connection came about but no TLS: what plain http may cure.</summary>
    public static bool NoTls(Exception error) =>
        error is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } && Find<CertificateRefusedException>(error) is null;

    /// <summary>Whether nothing took the connection.</summary>
    public static bool Refused(Exception error) => Find<SocketException>(error)?.SocketErrorCode == SocketError.ConnectionRefused;

    private static string HandshakeText(Exception error, string host)
    {
        Exception innermost = error.GetBaseException();
        return innermost is AuthenticationException && innermost.Message.Contains("frame", StringComparison.Ordinal)
            ? $"cannot reach {host}: it does not speak TLS; if plain http is meant, set insecure = true for it in registries.conf"
            : $"cannot reach {host}: the TLS handshake failed: {Printable.Of(FirstLine(innermost.Message))};"
                + $" a client certificate for it goes into certs.d/{host}/";
    }

    private static string Text(Exception error, SocketError? socket) => socket switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.HostNotFound or SocketError.NoData => "no such host",
        SocketError.TryAgain => "temporary failure in name resolution",
        SocketError.NetworkUnreachable => "network is unreachable",
        SocketError.HostUnreachable => "no route to host",
        SocketError.TimedOut => "connection timed out",
        SocketError.ConnectionReset or SocketError.Shutdown => "connection reset",
        _ when error is TimeoutException => error.Message,
        _ when error is HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError } => "the proxy refused the connection",
        _ when error is HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } => "it does not speak HTTP",
        _ when error is HttpIOException or HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } => "the connection was cut",
        _ => Printable.Of(FirstLine(error.GetBaseException().Message)),
    };

    private static string FirstLine(string text) => text.Split('\n', 2)[0].TrimEnd('\r', '.', ' ');

    private static T? Find<T>(Exception? error)
        where T : Exception
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is T found)
            {
                return found;
            }
        }

        return null;
    }
}
