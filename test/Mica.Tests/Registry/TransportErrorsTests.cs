using System.Net.Sockets;
using System.Security.Authentication;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry;

public sealed class TransportErrorsTests
{
    [Theory]
    [InlineData(SocketError.ConnectionRefused, "connection refused", true)]
    [InlineData(SocketError.HostNotFound, "no such host", false)]
    [InlineData(SocketError.TryAgain, "temporary failure in name resolution", true)]
    [InlineData(SocketError.NetworkUnreachable, "network is unreachable", true)]
    [InlineData(SocketError.HostUnreachable, "no route to host", true)]
    [InlineData(SocketError.TimedOut, "connection timed out", true)]
    [InlineData(SocketError.ConnectionReset, "connection reset", true)]
    public void Of_Socket_SaysWhyInTheFieldsWords(SocketError socket, string words, bool transient)
    {
        RegistryException error = TransportErrors.Of(
            new HttpRequestException(HttpRequestError.ConnectionError, "x", new SocketException((int)socket)), "registry.test:5000");

        Assert.Equal($"cannot reach registry.test:5000: {words}", error.Message);
        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.Equal(transient, error.IsTransient);
    }

    [Fact]
    public void Of_Certificate_NamesHostReasonAndWayOut()
    {
        RegistryException error = TransportErrors.Of(
            new HttpRequestException(HttpRequestError.SecureConnectionError, "x", new CertificateRefusedException("its certificate is expired")), "registry.test");

        Assert.Equal("cannot reach registry.test: its certificate is expired; trust its authority by a file certs.d/registry.test/ca.crt,"
            + " or set insecure = true for it in registries.conf", error.Message);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public void Of_Handshake_IsOneLine()
    {
        RegistryException error = TransportErrors.Of(new HttpRequestException(
            HttpRequestError.SecureConnectionError, "x", new AuthenticationException("alert\nsecond line\u001b[0m")), "registry.test");

        Assert.Equal("cannot reach registry.test: the TLS handshake failed: alert; a client certificate for it goes into certs.d/registry.test/", error.Message);
    }

    [Fact]
    public void Of_Cut_IsWorthAnotherAttempt()
    {
        RegistryException error = TransportErrors.Of(new HttpIOException(HttpRequestError.ResponseEnded, "x"), "registry.test");

        Assert.Equal("cannot reach registry.test: the connection was cut", error.Message);
        Assert.True(error.IsTransient);
    }

    [Fact]
    public void Of_NoHttp_IsNot()
    {
        RegistryException error = TransportErrors.Of(new HttpRequestException(HttpRequestError.InvalidResponse, "x"), "registry.test");

        Assert.Equal("cannot reach registry.test: it does not speak HTTP", error.Message);
        Assert.False(error.IsTransient);
    }
}
