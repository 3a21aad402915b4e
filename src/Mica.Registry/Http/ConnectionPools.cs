using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Mica.Registry;

/// <summary>The HTTP connections of one client: a pool per host, because each host has certificates of its own.</summary>
internal sealed class ConnectionPools(RegistryClientOptions options) : IDisposable
{
    private readonly ConcurrentDictionary<string, RegistryCertificates> _certificates = new();
    private readonly ConcurrentDictionary<(string Host, bool Verified), Lazy<HttpMessageInvoker>> _pools = new();

    /// <summary>The certificates configured for a host; asked for once.</summary>
    public RegistryCertificates CertificatesOf(string host) => _certificates.GetOrAdd(host, options.Certificates);

    /// <param name="host">Host and port as users write it, the key of its certificates.</param>
    /// <param name="verified">Whether the host must show a certificate that is trusted.</param>
    public HttpMessageInvoker For(string host, bool verified) =>
        _pools.GetOrAdd((host, verified), key => new Lazy<HttpMessageInvoker>(() => Create(key.Host, key.Verified))).Value;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Lazy<HttpMessageInvoker> pool in _pools.Values.Where(pool => pool.IsValueCreated))
        {
            pool.Value.Dispose();
        }
    }

    private HttpMessageInvoker Create(string host, bool verified)
    {
        if (options.Handler is { } handler)
        {
            return new HttpMessageInvoker(handler, disposeHandler: false);
        }

        RegistryCertificates certificates = CertificatesOf(host);
        var verification = new CertificateVerification(certificates);
        return new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = options.Proxy is not null,
            Proxy = options.Proxy,
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            EnableMultipleHttp2Connections = true,
            ActivityHeadersPropagator = null,
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = certificates.Client.IsEmpty ? null : new X509Certificate2Collection(certificates.Client.ToArray()),
                RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                    !verified || verification.Verify(certificate, chain, errors),
            },
        });
    }
}
