#pragma warning disable IDE0060
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>How registries are reached.</summary>
public sealed record RegistryClientOptions;

/// <summary>What a registry said.</summary>
public sealed class RegistryException(ErrorKind kind, string message) : MicaException(kind, message);

/// <summary>The plainest client that moves images to and from a registry without authentication.</summary>
public sealed class RegistryClient : IAsyncDisposable
{
    private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>Uses <paramref name="options"/>.</summary>
    public RegistryClient(RegistryClientOptions options) => Options = options;

    /// <summary>The options.</summary>
    public RegistryClientOptions Options { get; }

    /// <summary>One repository.</summary>
    public RegistryRepository Repository(ImageReference reference, IProgress<ProgressEvent>? progress) => new(_http, reference);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>One repository of a registry.</summary>
public sealed class RegistryRepository : IMountingTarget, IResumableSource
{
    private readonly HttpClient _http;
    private readonly string _base;

    internal RegistryRepository(HttpClient http, ImageReference reference)
    {
        _http = http;
        bool loopback = reference.Domain.StartsWith("127.", StringComparison.Ordinal) || reference.Domain.StartsWith("localhost", StringComparison.Ordinal);
        string host = reference.Domain == "docker.io" ? "registry-1.docker.io" : reference.Domain;
        _base = $"{(loopback ? "http" : "https")}://{host}/v2/{reference.Path}";
    }

    /// <inheritdoc/>
    public async ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Get, $"{_base}/manifests/{reference}", null, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        byte[] content = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        return new Descriptor { MediaType = response.Content.Headers.ContentType!.MediaType!, Digest = Digest.Of(content), Size = content.Length };
    }

    /// <inheritdoc/>
    public async ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        new VerifyingStream(await OpenUnverifiedAsync(descriptor, 0, cancellationToken), descriptor);

    /// <inheritdoc/>
    public async ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken)
    {
        string kind = MediaTypes.IsDocument(descriptor.MediaType) ? "manifests" : "blobs";
        var request = new HttpRequestMessage(HttpMethod.Get, $"{_base}/{kind}/{descriptor.Digest}");
        request.Headers.Accept.ParseAdd(string.Join(", ", MediaTypes.AcceptedManifests));
        request.Headers.Range = offset > 0 ? new RangeHeaderValue(offset, null) : null;
        HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return response.IsSuccessStatusCode
            ? await response.Content.ReadAsStreamAsync(cancellationToken)
            : throw new RegistryException(ErrorKind.NotFound, $"{descriptor.Digest}: {(int)response.StatusCode}");
    }

    /// <inheritdoc/>
    public async ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        string kind = MediaTypes.IsDocument(descriptor.MediaType) ? "manifests" : "blobs";
        using HttpResponseMessage response = await SendAsync(HttpMethod.Head, $"{_base}/{kind}/{descriptor.Digest}", null, cancellationToken);
        return response.IsSuccessStatusCode;
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken)
    {
        if (MediaTypes.IsDocument(expected.MediaType))
        {
            await PutManifestAsync(expected, expected.Digest.ToString(), content, cancellationToken);
            return;
        }

        using HttpResponseMessage start = await SendAsync(HttpMethod.Post, $"{_base}/blobs/uploads/", null, cancellationToken);
        var location = new Uri(new Uri(_base), start.Headers.Location!);
        using var body = new StreamContent(content, 128 << 10);
        body.Headers.ContentLength = expected.Size;
        body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        string separator = location.Query.Length > 0 ? "&" : "?";
        using HttpResponseMessage done = await SendAsync(HttpMethod.Put, $"{location}{separator}digest={expected.Digest}", body, cancellationToken);
        if (!done.IsSuccessStatusCode)
        {
            throw new RegistryException(ErrorKind.Failed, $"{expected.Digest}: upload failed: {(int)done.StatusCode}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken)
    {
        await using Stream content = await OpenAsync(descriptor, cancellationToken);
        await PutManifestAsync(descriptor, tag, content, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> TryMountAsync(Descriptor descriptor, string sourceRepository, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await SendAsync(
            HttpMethod.Post, $"{_base}/blobs/uploads/?mount={descriptor.Digest}&from={sourceRepository}", null, cancellationToken);
        return response.StatusCode == HttpStatusCode.Created;
    }

    /// <summary>All tags.</summary>
    public async Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Get, $"{_base}/tags/list", null, cancellationToken);
        using JsonDocument document = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellationToken));
        return [.. document.RootElement.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()!)];
    }

    private async Task PutManifestAsync(Descriptor descriptor, string name, Stream content, CancellationToken cancellationToken)
    {
        using var body = new StreamContent(content);
        body.Headers.ContentType = new MediaTypeHeaderValue(descriptor.MediaType);
        using HttpResponseMessage response = await SendAsync(HttpMethod.Put, $"{_base}/manifests/{name}", body, cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw new RegistryException(ErrorKind.Failed, $"{descriptor.Digest}: push failed: {(int)response.StatusCode}");
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string address, HttpContent? content, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, address) { Content = content };
        request.Headers.Accept.ParseAdd(string.Join(", ", MediaTypes.AcceptedManifests));
        return await _http.SendAsync(request, cancellationToken);
    }
}
