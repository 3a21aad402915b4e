using System.Net;
using Mica.Oci;

namespace Mica.Build;

/// <summary>How web servers are reached for contexts and ADD.</summary>
public sealed record WebDownloadOptions
{
    /// <summary>Null for none.</summary>
    public IWebProxy? Proxy { get; init; }

    /// <summary>How long a connection may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>What the request calls itself.</summary>
    public string UserAgent { get; init; } = "mica";
}

/// <summary>The answer to one GET, for contexts that lie on web servers and for ADD.</summary>
public sealed class WebDownload : IAsyncDisposable
{
    private readonly HttpClient _client;
    private readonly HttpResponseMessage _response;

    private WebDownload(HttpClient client, HttpResponseMessage response, Stream content)
    {
        _client = client;
        _response = response;
        Content = content;
    }

    /// <summary>The body.</summary>
    public Stream Content { get; }

    /// <summary>When the file was changed, as the server says.</summary>
    public DateTimeOffset? LastModified => _response.Content.Headers.LastModified;

    /// <summary>The address without what may be secret in it.</summary>
    public static string Shown(Uri address) => Printable.Of(address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped));

    /// <summary>Sends the request and reads the headers of the answer.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>, <see cref="ErrorKind.Unavailable"/>: no such file, or no answer.</exception>
    public static async Task<WebDownload> OpenAsync(Uri address, WebDownloadOptions options, CancellationToken cancellationToken)
    {
        var client = new HttpClient(new SocketsHttpHandler
        {
            Proxy = options.Proxy,
            UseProxy = options.Proxy is not null,
            ConnectTimeout = options.ConnectTimeout,
        });
        HttpResponseMessage? response = null;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.TryAddWithoutValidation("User-Agent", options.UserAgent);
            response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                throw new MicaException(response.StatusCode == HttpStatusCode.NotFound ? ErrorKind.NotFound : ErrorKind.Unavailable,
                    $"{Shown(address)}: the server answered {(int)response.StatusCode}");
            }

            return new WebDownload(client, response, await response.Content.ReadAsStreamAsync(cancellationToken));
        }
        catch (Exception failure)
        {
            response?.Dispose();
            client.Dispose();
            if (failure is HttpRequestException)
            {
                throw new MicaException(ErrorKind.Unavailable, $"{Shown(address)}: {Printable.Of(failure.InnerException?.Message ?? failure.Message)}", failure);
            }

            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Content.DisposeAsync();
        _response.Dispose();
        _client.Dispose();
    }
}
