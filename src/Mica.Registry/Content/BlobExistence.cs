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
}
