using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>A manifest or index as it came, verified, with its descriptor.</summary>
public sealed record FetchedManifest(Descriptor Descriptor, ReadOnlyMemory<byte> Content);

/// <summary>Resolving and fetching of manifests and indexes (distribution-spec v1.1, #pulling-manifests).</summary>
internal sealed class ManifestFetch(PullEndpoints endpoints, RecentManifests recent)
{
    /// <summary>What <paramref name="target"/>, a valid tag or digest, names; null when nothing. A HEAD where the registry answers it.</summary>
    public ValueTask<Descriptor?> ResolveAsync(string target, CancellationToken cancellationToken) =>
        endpoints.FirstAsync(endpoint => ResolveAsync(endpoint, target, cancellationToken));

    /// <summary>The same with the bytes, in one round trip.</summary>
    public ValueTask<FetchedManifest?> FetchAsync(string target, CancellationToken cancellationToken) =>
        endpoints.FirstAsync(endpoint => FetchAsync(endpoint, target, cancellationToken));

    /// <summary>The bytes of a known manifest.</summary>
    public async ValueTask<byte[]> ReadAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        string target = descriptor.Digest.ToString();
        byte[] content = recent.Find(descriptor.Digest)
            ?? (await FetchAsync(target, cancellationToken))?.Content.ToArray()
            ?? throw RegistryErrors.NotFound(endpoints.Last.Request(HttpMethod.Get, "", RegistryAction.Pull, endpoints.Last.NameOf(target)).Subject);
        return content.Length == descriptor.Size ? content
            : throw new RegistryException(ErrorKind.ContentMismatch,
                $"{endpoints.Last.NameOf(target)}: it has {content.Length} bytes, but its descriptor promises {descriptor.Size}");
    }

    /// <summary>Asks one endpoint alone.</summary>
    public async ValueTask<FetchedManifest?> FetchAsync(RepositoryEndpoint endpoint, string target, CancellationToken cancellationToken)
    {
        RegistryRequest request = RequestOf(endpoint, HttpMethod.Get, target);
        return await endpoint.AskAsync(request, async response =>
        {
            if (response.StatusCode == HttpStatusCode.NotFound)
            {
                return null;
            }

            await endpoint.CheckAsync(response, request, cancellationToken);
            byte[] content = await BoundedBody.ReadAsync(response, ManifestDocument.MaxSize, endpoint.Host.Name, cancellationToken)
                ?? throw new RegistryException(ErrorKind.ContentMismatch, $"{request.Subject.Object}: the manifest is bigger than {ManifestDocument.MaxSize} bytes");
            Digest digest = Verify(content, target, RepositoryEndpoint.DigestHeader(response), request.Subject);
            string mediaType = MediaTypeOf(response, content, request.Subject);
            recent.Add(digest, content);
            return new FetchedManifest(new Descriptor { MediaType = mediaType, Digest = digest, Size = content.Length }, content);
        }, cancellationToken);
    }

    private async ValueTask<Descriptor?> ResolveAsync(RepositoryEndpoint endpoint, string target, CancellationToken cancellationToken)
    {
        RegistryRequest request = RequestOf(endpoint, HttpMethod.Head, target);
        (bool known, Descriptor? descriptor) = await endpoint.AskAsync(
            request, response => ValueTask.FromResult(Describe(response, target, request.Subject)), cancellationToken);
        // Where HEAD is refused, the body of the GET says why; where it says too little, the bytes do.
        return known ? descriptor : (await FetchAsync(endpoint, target, cancellationToken))?.Descriptor;
    }

    /// <summary>What the headers tell, if it is enough.</summary>
    private static (bool Known, Descriptor? Descriptor) Describe(HttpResponseMessage response, string target, RequestSubject subject)
    {
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return (true, null);
        }

        string? mediaType = response.Content.Headers.ContentType?.MediaType;
        Digest? said = RepositoryEndpoint.DigestHeader(response);
        if (!response.IsSuccessStatusCode || mediaType is null || !MediaTypes.IsDocument(mediaType)
            || response.Content.Headers.ContentLength is not { } size || said is not { } digest)
        {
            return (false, null);
        }

        if (Digest.TryParse(target, out Digest asked))
        {
            if (asked.Algorithm == digest.Algorithm && asked != digest)
            {
                throw new RegistryException(ErrorKind.ContentMismatch, $"{subject.Object}: {subject.Host} answers with {digest}");
            }

            digest = asked;
        }

        return size <= ManifestDocument.MaxSize
            ? (true, new Descriptor { MediaType = mediaType, Digest = digest, Size = size })
            : throw new RegistryException(ErrorKind.ContentMismatch, $"{subject.Object}: the manifest has {size} bytes; at most {ManifestDocument.MaxSize} are read");
    }

    private static RegistryRequest RequestOf(RepositoryEndpoint endpoint, HttpMethod method, string target) =>
        endpoint.Request(method, $"manifests/{target}", RegistryAction.Pull, endpoint.NameOf(target)) with { Accept = MediaTypes.AcceptedManifests };

    /// <summary>The digest of the bytes: the one asked for, or the one in the header's algorithm.</summary>
    private static Digest Verify(byte[] content, string target, Digest? said, RequestSubject subject)
    {
        if (Digest.TryParse(target, out Digest asked))
        {
            Digest actual = Digest.Of(asked.Algorithm, content);
            return actual == asked ? asked : throw new DigestMismatchException(asked, actual);
        }

        Digest own = Digest.Of(said?.Algorithm ?? Digest.Sha256, content);
        return said is null || said == own ? own
            : throw new RegistryException(ErrorKind.ContentMismatch, $"{subject.Object}: {subject.Host} says its digest is {said}, but it is {own}");
    }

    private static string MediaTypeOf(HttpResponseMessage response, byte[] content, RequestSubject subject)
    {
        string? said = response.Content.Headers.ContentType?.MediaType;
        string? mediaType = said is not null && (MediaTypes.IsDocument(said) || MediaTypes.IsSchema1(said)) ? said : ManifestDocument.Sniff(content) ?? said;
        if (mediaType is not null)
        {
            try
            {
                ManifestDocument.RefuseSchema1(content, mediaType);
            }
            catch (MicaException error)
            {
                throw new RegistryException(error.Kind, $"{subject.Object}: {error.Message}", error);
            }
        }

        return mediaType is not null && MediaTypes.IsDocument(mediaType) ? mediaType
            : throw new RegistryException(ErrorKind.Unsupported,
                $"{subject.Object}: it is no image manifest or index, but {Printable.Of(mediaType ?? "something without a media type")}");
    }
}
