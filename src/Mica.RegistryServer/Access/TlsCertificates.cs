using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mica.Oci;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Access;

/// <summary>
/// What TLS shows and asks for, from files that are read again when they change: connections keep what they began with. A
/// pair of files that does not go together (one of them is yet to be written) changes nothing.
/// </summary>
internal sealed partial class TlsCertificates
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly TlsOptions _options;
    private readonly ILogger _log;
    private readonly WatchedFile[] _files;
    private volatile Loaded _loaded;

    /// <exception cref="MicaException">The files cannot be read, or do not go together.</exception>
    public TlsCertificates(TlsOptions options, TimeProvider time, ILogger<TlsCertificates> log)
    {
        if (options.RequireClientCertificate && options.ClientAuthorityFile is null)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "client certificates are required, but no authority says which are good");
        }

        _options = options;
        _log = log;
        _files = [.. new[] { options.CertificateFile, options.KeyFile, options.ClientAuthorityFile }.OfType<string>().Select(file => new WatchedFile(file, time))];
        HasChanged();
        _loaded = Load();
    }

    /// <summary>For a connection that begins.</summary>
    public SslServerAuthenticationOptions ForConnection()
    {
        if (HasChanged())
        {
            try
            {
                _loaded = Load();
                Reloaded(_log, _options.CertificateFile);
            }
            catch (MicaException error)
            {
                Failed(_log, error.Message);
            }
        }

        Loaded loaded = _loaded;
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = loaded.Server,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
        if (loaded.Authorities is { } authorities)
        {
            options.ClientCertificateRequired = true;
            options.CertificateRevocationCheckMode = X509RevocationMode.NoCheck;
            options.CertificateChainPolicy = PolicyOf(authorities);
            options.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                certificate is null ? !_options.RequireClientCertificate : errors == SslPolicyErrors.None;
        }

        return options;
    }

    private static X509ChainPolicy PolicyOf(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,

            // A client's certificate must not make the registry fetch from where it says.
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(authorities);
        policy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        return policy;
    }

    /// <summary>All of them are looked at, so that one change is not found twice.</summary>
    private bool HasChanged() => _files.Aggregate(false, static (changed, file) => file.TakeChange() | changed);

    private Loaded Load()
    {
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(_options.CertificateFile);
            var server = X509Certificate2.CreateFromPemFile(_options.CertificateFile, _options.KeyFile);
            X509Certificate2Collection? authorities = null;
            if (_options.ClientAuthorityFile is { } file)
            {
                authorities = [];
                authorities.ImportFromPemFile(file);
                if (authorities.Count == 0)
                {
                    throw new MicaException(ErrorKind.InvalidArgument, $"{file}: no certificate in PEM");
                }
            }

            return new Loaded(SslStreamCertificateContext.Create(server, chain, offline: true), authorities);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new MicaException(
                ErrorKind.InvalidArgument, $"{_options.CertificateFile}, {_options.KeyFile}: not a certificate and its key: {Printable.Of(error.Message)}", error);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{File}: new certificate")]
    private static partial void Reloaded(ILogger log, string file);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Reason}; the certificate from before stays")]
    private static partial void Failed(ILogger log, string reason);

    private sealed record Loaded(SslStreamCertificateContext Server, X509Certificate2Collection? Authorities);
}
