using System.Globalization;
using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// One blob on its way to a registry (distribution-spec v1.1, #pushing-blobs): in one request where that works, in chunks
/// where it does not, and after a failure from where the registry says it got to.
/// </summary>
internal sealed class BlobUpload(RepositoryEndpoint endpoint, Descriptor descriptor, UploadSource source, RegistryClientOptions options)
{
    /// <summary>The chunk for a registry, or a proxy before it, that refuses the whole at once.</summary>
    private const int FallbackChunk = 16 << 20;

    /// <summary>A bigger <c>OCI-Chunk-Min-Length</c> is not one.</summary>
    private const int MaxChunk = 1 << 30;

    private readonly string _name = endpoint.NameOf(descriptor.Digest.ToString());
    private Uri? _location;
    private long _chunk = options.UploadChunk ?? 0;
    private long _chunkMin;
    private bool _resumed;
    private bool _chunksRefused;

    /// <summary>Brings the blob there. <paramref name="opened"/>: an upload that is open already, from a mount that did not come about.</summary>
    public async Task RunAsync(Uri? opened, CancellationToken cancellationToken)
    {
        _location = opened;
        Attempts attempts = endpoint.CreateAttempts(Request(HttpMethod.Post, ""));
        try
        {
            while (true)
            {
                long before = source.Position;
                try
                {
                    await SendAsync(cancellationToken);
                    return;
                }
                catch (RegistryException error) when (error.Status == HttpStatusCode.RequestEntityTooLarge && _chunk == 0 && source.Size > FallbackChunk)
                {
                    _chunk = FallbackChunk;
                    if (await RestartAsync(error, cancellationToken))
                    {
                        return;
                    }
                }
                catch (RegistryException error) when (error.IsTransient || IsAboutTheSession(error))
                {
                    _chunksRefused |= error.Status == HttpStatusCode.MethodNotAllowed;
                    await endpoint.RecoverAsync(AsTransient(error), attempts, cancellationToken);
                    if (await ResumeAsync(error, cancellationToken))
                    {
                        return;
                    }

                    if (_resumed && source.Position > before)
                    {
                        attempts.Progressed();
                    }
                }
            }
        }
        catch
        {
            await CancelAsync();
            throw;
        }
    }

    /// <summary>Opens an upload; what the registry wants chunks to be is noted.</summary>
    private async Task<Uri> StartAsync(CancellationToken cancellationToken)
    {
        string algorithm = descriptor.Digest.Algorithm;
        RegistryRequest request = Request(HttpMethod.Post, algorithm == Digest.Sha256 ? "" : $"?digest-algorithm={algorithm}");
        return await endpoint.AskAsync(request, async response =>
        {
            await endpoint.CheckAsync(response, request, cancellationToken);
            _chunkMin = ChunkMinOf(response);
            return endpoint.Host.Locate(response, request);
        }, cancellationToken);
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        _location ??= await StartAsync(cancellationToken);
        if (_chunk == 0 && !_resumed)
        {
            await PutAsync(source.Size, cancellationToken);
            return;
        }

        while (source.Position < source.Size)
        {
            await PatchAsync(cancellationToken);
        }

        await PutAsync(count: 0, cancellationToken);
    }

    private async Task PatchAsync(CancellationToken cancellationToken)
    {
        long start = source.Position;
        long rest = source.Size - start;
        long count = _chunk == 0 ? rest : Math.Min(rest, Math.Max(_chunk, _chunkMin));
        RegistryRequest request = Request(HttpMethod.Patch, _location!) with
        {
            IsBulk = true,
            Content = guard => Body(guard, start, count, withRange: true),
        };
        using HttpResponseMessage response = await endpoint.SendOnceAsync(request, cancellationToken);
        await endpoint.CheckAsync(response, request, cancellationToken);
        _location = Next(response, request);
        if (OffsetOf(response) is { } offset && offset != source.Position && !source.TrySeek(offset))
        {
            throw CannotGoBack(offset, inner: null);
        }
    }

    /// <summary>Closes the upload, with the last <paramref name="count"/> bytes.</summary>
    private async Task PutAsync(long count, CancellationToken cancellationToken)
    {
        string location = _location!.AbsoluteUri;
        long start = source.Position;
        RegistryRequest request = Request(HttpMethod.Put, _location) with
        {
            Target = $"{location}{(_location.Query.Length > 0 ? '&' : '?')}digest={Uri.EscapeDataString(descriptor.Digest.ToString())}",
            IsBulk = true,
            Content = guard => Body(guard, start, count, withRange: false),
        };
        using HttpResponseMessage response = await endpoint.SendOnceAsync(request, cancellationToken);
        await endpoint.CheckAsync(response, request, cancellationToken);
        RepositoryEndpoint.CheckDigestHeader(response, descriptor.Digest, request);
        _location = null;
    }

    /// <summary>Asks how far the registry got and goes there. True when it has the whole blob.</summary>
    private async Task<bool> ResumeAsync(RegistryException failure, CancellationToken cancellationToken)
    {
        if (_location is null || _chunksRefused)
        {
            // Not even the start succeeded, or there is no way to go on in the middle.
            return await RestartAsync(failure, cancellationToken);
        }

        RegistryRequest request = Request(HttpMethod.Get, _location);
        (Uri? location, long? offset) = await endpoint.AskAsync(request, response => ValueTask.FromResult<(Uri?, long?)>(
            response.IsSuccessStatusCode
                ? (Next(response, request), OffsetOf(response))
                : (null, null)), cancellationToken);
        if (location is null || offset is null or 0 || !source.TrySeek(offset.Value))
        {
            return await RestartAsync(failure, cancellationToken);
        }

        _location = location;
        _resumed = true;
        return false;
    }

    /// <summary>Starts again with a new upload, unless the blob is there by now. True when it is.</summary>
    private async Task<bool> RestartAsync(RegistryException failure, CancellationToken cancellationToken)
    {
        await CancelAsync();
        _resumed = false;
        if (await BlobExistence.CheckAsync(endpoint, descriptor, cancellationToken))
        {
            return true;
        }

        return source.TrySeek(0) ? false : throw CannotGoBack(0, failure);
    }

    /// <summary>Tells the registry to forget what it has. It would do so by itself, later, so failures do not matter.</summary>
    private async Task CancelAsync()
    {
        if (_location is not { } location)
        {
            return;
        }

        _location = null;
        using var brief = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        try
        {
            using HttpResponseMessage response = await endpoint.SendOnceAsync(Request(HttpMethod.Delete, location), brief.Token);
        }
        catch (Exception error) when (error is MicaException or OperationCanceledException)
        {
            // What went wrong before is what the caller hears of.
        }
    }

    /// <summary>Where the upload goes on; registries that do not say mean the same place.</summary>
    private Uri? Next(HttpResponseMessage response, RegistryRequest request) =>
        response.Headers.Location is null ? _location : endpoint.Host.Locate(response, request);

    private UploadBody Body(StallGuard guard, long start, long count, bool withRange)
    {
        // A message that is made a second time, for a token say, begins where the first one did.
        if (!source.TrySeek(start))
        {
            throw CannotGoBack(start, inner: null);
        }

        var body = new UploadBody(source, count, guard);
        if (withRange)
        {
            // Without a unit, as the specification of registries has it.
            body.Headers.TryAddWithoutValidation("Content-Range", string.Create(CultureInfo.InvariantCulture, $"{start}-{start + count - 1}"));
        }

        return body;
    }

    private RegistryRequest Request(HttpMethod method, string query) => endpoint.Request(method, $"blobs/uploads/{query}", RegistryAction.Push, _name);

    private RegistryRequest Request(HttpMethod method, Uri location) => Request(method, "") with { Target = location.AbsoluteUri };

    /// <summary>
    /// The registry has lost the upload, is at another offset, or does not take the rest as a chunk: what a look at its state,
    /// or a new upload, may cure.
    /// </summary>
    private bool IsAboutTheSession(RegistryException error) =>
        error.Status is HttpStatusCode.NotFound or HttpStatusCode.RequestedRangeNotSatisfiable
        || (error.Status == HttpStatusCode.MethodNotAllowed && _resumed);

    private static RegistryException AsTransient(RegistryException error) => error.IsTransient ? error
        : new RegistryException(error.Kind, error.Message, error) { Status = error.Status, Codes = error.Codes, IsTransient = true };

    private RegistryException CannotGoBack(long offset, Exception? inner) => new(ErrorKind.Unavailable,
        $"{_name}: {(inner is null ? $"{endpoint.Host.Name} wants it again from {offset}" : $"the upload broke off ({inner.Message})")}, and what it is read from cannot go back", inner);

    private static long ChunkMinOf(HttpResponseMessage response) =>
        response.Headers.NonValidated.TryGetValues("OCI-Chunk-Min-Length", out var values)
            && long.TryParse(values.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out long min) && min <= MaxChunk ? min : 0;

    /// <summary>The number of bytes that arrived, from <c>Range: 0-n</c>. <c>0-0</c> is what registries say for none as well as for one.</summary>
    private static long? OffsetOf(HttpResponseMessage response)
    {
        if (!response.Headers.NonValidated.TryGetValues("Range", out var values))
        {
            return null;
        }

        string text = values.ToString();
        text = text.StartsWith("bytes=", StringComparison.Ordinal) ? text["bytes=".Length..] : text;
        return text.Split('-') is ["0", var last] && long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out long end)
            ? end == 0 ? 0 : end + 1
            : null;
    }
}
