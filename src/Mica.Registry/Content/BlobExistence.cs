using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>Whether a repository has a blob (distribution-spec v1.1, #checking-if-content-exists-in-the-registry).</summary>
internal static class BlobExistence
{
    public static async Task<bool> CheckAsync(RepositoryEndpoint endpoint, Descriptor descriptor, CancellationToken cancellationToken)
    {
        RegistryRequest request = endpoint.Request(
            HttpMethod.Head, $"blobs/{descriptor.Digest}", RegistryAction.Push, endpoint.NameOf(descriptor.Digest.ToString()));
        return await endpoint.AskAsync(request, async response =>
        {
            // An object store that refuses a HEAD with the signature of a GET says nothing of the blob: then it is sent again.
            if (response.StatusCode == HttpStatusCode.NotFound || !endpoint.Host.IsHome(response))
            {
                return response.IsSuccessStatusCode;
            }

            await endpoint.CheckAsync(response, request, cancellationToken);
            return response.Content.Headers.ContentLength is not { } size || size == descriptor.Size;
        }, cancellationToken);
    }

    /// <summary>How many bytes the blob has; null when the repository lacks it. A HEAD where that is answered.</summary>
    public static async Task<long?> SizeAsync(RepositoryEndpoint endpoint, Digest digest, CancellationToken cancellationToken)
    {
        RegistryRequest request = endpoint.Request(
            HttpMethod.Head, $"blobs/{digest}", RegistryAction.Pull, endpoint.NameOf(digest.ToString()));
        (bool isKnown, long? size) = await endpoint.AskAsync<(bool, long?)>(request, async response =>
        {
            if (response.StatusCode == HttpStatusCode.MethodNotAllowed || (!response.IsSuccessStatusCode && !endpoint.Host.IsHome(response)))
            {
                // An object store again.
                return (false, null);
            }

            if (response.StatusCode == HttpStatusCode.NotFound)
            {
                return (true, null);
            }

            await endpoint.CheckAsync(response, request, cancellationToken);
            return (response.Content.Headers.ContentLength is not null, response.Content.Headers.ContentLength);
        }, cancellationToken);
        return isKnown ? size : await SizeByRangeAsync(endpoint, request, cancellationToken);
    }

    /// <summary>What the answer to a question for one byte says of the whole.</summary>
    private static Task<long?> SizeByRangeAsync(RepositoryEndpoint endpoint, RegistryRequest request, CancellationToken cancellationToken)
    {
        request = request with { Method = HttpMethod.Get, Range = (0, 0), IsBulk = true };
        return endpoint.AskAsync<long?>(request, async response =>
        {
            if (response.StatusCode == HttpStatusCode.NotFound)
            {
                return null;
            }

            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                return 0;
            }

            await endpoint.CheckAsync(response, request, cancellationToken);
            return response.Content.Headers.ContentRange?.Length
                ?? (response.StatusCode == HttpStatusCode.OK ? response.Content.Headers.ContentLength : null)
                ?? throw new RegistryException(ErrorKind.ContentMismatch,
                    $"{request.Subject.Object}: {request.Subject.Host} does not say how many bytes it has");
        }, cancellationToken);
    }
}
