using System.Net.Http.Headers;
using System.Text;
using Mica.Oci;

namespace Mica.RegistryServer.Access;

/// <summary>Reads small documents of others: bounded in size and time, and without following them to other places.</summary>
internal sealed class RemoteDocuments : IDisposable
{
    private const int MaxSize = 1 << 20;

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        Timeout = TimeSpan.FromSeconds(10),
        MaxResponseContentBufferSize = MaxSize,
    };

    /// <summary>The text at an address, or in a file.</summary>
    /// <exception cref="MicaException">It cannot be read.</exception>
    public async Task<string> ReadAsync(string place, CancellationToken cancellationToken)
    {
        if (Uri.TryCreate(place, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https")
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            return await SendAsync(request, cancellationToken);
        }

        try
        {
            return new FileInfo(place).Length <= MaxSize
                ? await File.ReadAllTextAsync(place, cancellationToken)
                : throw new MicaException(ErrorKind.InvalidArgument, $"more than {MaxSize} bytes");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.Unavailable, Printable.Of(error.Message), error);
        }
    }

    /// <summary>Posts a form; what comes back is secret, and so is what is sent.</summary>
    /// <exception cref="MicaException">There was no good answer.</exception>
    public Task<string> PostAsync(
        Uri address, IEnumerable<KeyValuePair<string, string>> form, (string User, string Password)? client, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new FormUrlEncodedContent(form) };
        if (client is var (user, password))
        {
            // RFC 6749, section 2.3.1: both are form-encoded first.
            string pair = $"{Uri.EscapeDataString(user)}:{Uri.EscapeDataString(password)}";
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
        }

        return SendAsync(request, cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using (request)
        {
            request.Headers.Accept.ParseAdd("application/json");
            try
            {
                using HttpResponseMessage response = await _http.SendAsync(request, cancellationToken);
                return response.IsSuccessStatusCode
                    ? await response.Content.ReadAsStringAsync(cancellationToken)
                    : throw new MicaException(ErrorKind.Unavailable, $"{request.RequestUri!.Host} answered {(int)response.StatusCode}");
            }
            catch (Exception error) when (error is HttpRequestException
                || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                throw new MicaException(ErrorKind.Unavailable, $"{request.RequestUri!.Host} cannot be reached", error);
            }
        }
    }
}
