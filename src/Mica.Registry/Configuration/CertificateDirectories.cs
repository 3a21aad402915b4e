using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// The <c>certs.d</c> directories, which have a directory <c>HOST[:PORT]</c> for each registry with <c>*.crt</c> (authorities),
/// and <c>NAME.cert</c> with <c>NAME.key</c> (client certificates). The first of <paramref name="directories"/> that has one for
/// a registry counts; by custom these are <c>~/.config/containers/certs.d</c>, <c>/etc/containers/certs.d</c> and
/// <c>/etc/docker/certs.d</c>. containers-certs.d(5); docs.docker.com, "Verify repository client with certificates".
/// </summary>
public sealed class CertificateDirectories(ImmutableArray<string> directories)
{
    /// <summary>
    /// The certificates for the registry at <paramref name="host"/>, with its port if the name that users write has one. Each call
    /// reads them anew; the caller owns what it gets.
    /// </summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.InvalidArgument"/>: a certificate without its key or the reverse, or something else than that;
    /// or a file cannot be read.
    /// </exception>
    public RegistryCertificates Find(string host)
    {
        if (host.Length == 0 || host.Contains('/', StringComparison.Ordinal) || host.Trim('.').Length == 0)
        {
            return RegistryCertificates.None;
        }

        string? directory = directories.Select(parent => Path.Combine(parent, host)).FirstOrDefault(Directory.Exists);
        return directory is null ? RegistryCertificates.None : Read(directory);
    }

    private static RegistryCertificates Read(string directory)
    {
        string[] files = ListFiles(directory);
        var authorities = new X509Certificate2Collection();
        foreach (string file in files.Where(file => file.EndsWith(".crt", StringComparison.Ordinal)))
        {
            ReadAuthorities(file, authorities);
        }

        return new RegistryCertificates { Authorities = [.. authorities], Client = ReadClients(files) };
    }

    private static ImmutableArray<X509Certificate2> ReadClients(string[] files)
    {
        foreach (string key in files.Where(file => file.EndsWith(".key", StringComparison.Ordinal)))
        {
            string certificate = Path.ChangeExtension(key, ".cert");
            if (!files.Contains(certificate))
            {
                throw Malformed(key, $"the client certificate {Path.GetFileName(certificate)} for this key is missing");
            }
        }

        ImmutableArray<X509Certificate2>.Builder clients = ImmutableArray.CreateBuilder<X509Certificate2>();
        foreach (string certificate in files.Where(file => file.EndsWith(".cert", StringComparison.Ordinal)))
        {
            string key = Path.ChangeExtension(certificate, ".key");
            clients.Add(files.Contains(key)
                ? ReadClient(certificate, key)
                : throw Malformed(certificate, $"the key {Path.GetFileName(key)} for this client certificate is missing (an authority's certificate ends in .crt)"));
        }

        return clients.ToImmutable();
    }

    private static string[] ListFiles(string directory)
    {
        try
        {
            return [.. Directory.GetFiles(directory).Order(StringComparer.Ordinal)];
        }
        catch (UnauthorizedAccessException error)
        {
            throw new MicaException(ErrorKind.PermissionDenied, $"{Printable.Of(directory)}: permission denied", error);
        }
        catch (IOException error)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(directory)}: cannot be read ({Printable.Of(error.Message)})", error);
        }
    }

    private static void ReadAuthorities(string file, X509Certificate2Collection authorities)
    {
        byte[] content = Content(file);
        int before = authorities.Count;
        try
        {
            if (content.AsSpan().IndexOf("-----BEGIN "u8) >= 0)
            {
                authorities.ImportFromPem(Encoding.ASCII.GetString(content));
            }
            else
            {
                authorities.Add(X509CertificateLoader.LoadCertificate(content));
            }
        }
        catch (CryptographicException error)
        {
            throw Malformed(file, "not a certificate in PEM or DER", error);
        }

        if (authorities.Count == before)
        {
            throw Malformed(file, "has no certificate");
        }
    }

    private static X509Certificate2 ReadClient(string certificate, string key)
    {
        string certificatePem = Encoding.ASCII.GetString(Content(certificate));
        string keyPem = Encoding.ASCII.GetString(Content(key));
        if (keyPem.Contains("-----BEGIN ENCRYPTED", StringComparison.Ordinal) || keyPem.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            throw Malformed(key, "the key is encrypted; a registry's client key must be without a passphrase");
        }

        try
        {
            return X509Certificate2.CreateFromPem(certificatePem, keyPem);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            throw Malformed(certificate, $"not a certificate in PEM that {Path.GetFileName(key)} is the key of", error);
        }
    }

    private static byte[] Content(string file) =>
        ConfigurationFile.Read(file) ?? throw new MicaException(ErrorKind.NotFound, $"{Printable.Of(file)}: no such file");

    private static MicaException Malformed(string file, string problem, Exception? inner = null) =>
        new(ErrorKind.InvalidArgument, $"{Printable.Of(file)}: {Printable.Of(problem)}", inner);
}
