using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// A blob that is small enough to hold: one POST where the registry takes that, else a POST and a PUT; from memory, so that
/// both can be repeated whatever the stream can do.
/// </summary>
internal sealed class SmallUpload(RepositoryEndpoint endpoint, Descriptor descriptor, RegistryClientOptions options)
{
    /// <summary>The most bytes of such a blob.</summary>
    public const int MaxSize = 64 << 10;

    public async Task RunAsync(Stream content, Uri? opened, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[descriptor.Size];
        using (var source = new UploadSource(content, descriptor))
        {
            await source.FillAsync(bytes, cancellationToken);
        }

        if (opened is null && !endpoint.Host.WantsTwoStepUploads)
        {
            (bool done, opened) = await PostAsync(bytes, cancellationToken);
            if (done)
            {
                return;
            }

            endpoint.Host.WantsTwoStepUploads = true;
        }

        using var again = new UploadSource(new MemoryStream(bytes, writable: false), descriptor);
        await new BlobUpload(endpoint, descriptor, again, options).RunAsync(opened, cancellationToken);
    }

    private async Task<(bool Done, Uri? Opened)> PostAsync(byte[] bytes, CancellationToken cancellationToken)
    {
        string digest = descriptor.Digest.ToString();
        RegistryRequest request = endpoint.Request(
            HttpMethod.Post, $"blobs/uploads/?digest={Uri.EscapeDataString(digest)}", RegistryAction.Push, endpoint.NameOf(digest)) with
        {
            Content = _ =>
            {
                var body = new ByteArrayContent(bytes);
                body.Headers.ContentType = new("application/octet-stream");
                return body;
            },
        };
        return await endpoint.AskAsync<(bool, Uri?)>(request, async response =>
        {
            switch (response.StatusCode)
            {
                case HttpStatusCode.Created:
                    RepositoryEndpoint.CheckDigestHeader(response, descriptor.Digest, request);
                    return (true, null);
                case HttpStatusCode.Accepted:
                    return (false, endpoint.Host.Locate(response, request));
                case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or >= HttpStatusCode.InternalServerError:
                    throw await endpoint.ErrorAsync(response, request, cancellationToken);
                default:
                    // Whatever it dislikes, it may be the form. If not, the other form fails as well and says so.
                    return (false, null);
            }
        }, cancellationToken);
    }
}
