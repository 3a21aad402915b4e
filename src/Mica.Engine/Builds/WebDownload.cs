using Mica.Oci;

namespace Mica.Engine;

/// <summary>The answer to one GET, for contexts that lie on web servers.</summary>
internal sealed class WebDownload : IAsyncDisposable
{
    private readonly HttpClient _client;
    private readonly HttpResponseMessage _response;

    private WebDownload(HttpClient client, HttpResponseMessage response, Stream content)
    {
        _client = client;
        _response = response;
        Content = content;
    }

    public Stream Content { get; }

    /// <summary>The address without what may be secret in it.</summary>
    public static string Shown(Uri address) => Printable.Of(address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped));

    public static async Task<WebDownload> OpenAsync(Uri address, EngineOptions engine, CancellationToken cancellationToken)
    {
        var client = new HttpClient(new SocketsHttpHandler
        {
            Proxy = engine.Registry.Proxy,
            UseProxy = engine.Registry.Proxy is not null,
            ConnectTimeout = engine.Registry.ConnectTimeout,
        });
        HttpResponseMessage? response = null;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.TryAddWithoutValidation("User-Agent", $"mica/{engine.Registry.Version}");
            response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                throw new MicaException(response.StatusCode == System.Net.HttpStatusCode.NotFound ? ErrorKind.NotFound : ErrorKind.Unavailable,
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

    public async ValueTask DisposeAsync()
    {
        await Content.DisposeAsync();
        _response.Dispose();
        _client.Dispose();
    }
}
