using Mica.Oci;

namespace Mica.Registry;

/// <summary>Writing of manifests and indexes, by digest or under a tag (distribution-spec v1.1, #pushing-manifests).</summary>
internal sealed class ManifestPush(RepositoryEndpoint endpoint, RecentManifests recent, Referrers referrers)
{
    /// <summary>Writes a manifest whose bytes <paramref name="content"/> delivers.</summary>
    public async ValueTask WriteAsync(Descriptor descriptor, Stream content, CancellationToken cancellationToken)
    {
        byte[] bytes = await ReadAsync(descriptor, content, cancellationToken);
        await PutAsync(descriptor, bytes, descriptor.Digest.ToString(), cancellationToken);
        recent.Add(descriptor.Digest, bytes);
    }

    /// <summary>Puts the bytes under <paramref name="target"/>, a digest or a tag.</summary>
    public async Task PutAsync(Descriptor descriptor, byte[] bytes, string target, CancellationToken cancellationToken)
    {
        RegistryRequest request = endpoint.Request(HttpMethod.Put, $"manifests/{target}", RegistryAction.Push, endpoint.NameOf(target)) with
        {
            Content = _ =>
            {
                var body = new ByteArrayContent(bytes);
                body.Headers.ContentType = new(descriptor.MediaType);
                return body;
            },
        };
        Digest? linked = await endpoint.AskAsync(request, async response =>
        {
            await endpoint.CheckAsync(response, request, cancellationToken);
            RepositoryEndpoint.CheckDigestHeader(response, descriptor.Digest, request);
            return SubjectHeader(response);
        }, cancellationToken);
        if (SubjectOf(bytes, descriptor.MediaType) is { } subject && linked != subject.Digest)
        {
            await referrers.AddAsync(subject.Digest, descriptor, bytes, cancellationToken);
        }
    }

    /// <summary>What a manifest or an index says something about.</summary>
    public static Descriptor? SubjectOf(ReadOnlySpan<byte> bytes, string mediaType) => mediaType switch
    {
        MediaTypes.OciManifest => ImageManifest.Parse(bytes, mediaType).Subject,
        MediaTypes.OciIndex => ImageIndex.Parse(bytes, mediaType).Subject,
        _ => null,
    };

    private static async Task<byte[]> ReadAsync(Descriptor descriptor, Stream content, CancellationToken cancellationToken)
    {
        if (descriptor.Size > ManifestDocument.MaxSize)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"{descriptor.Digest} has {descriptor.Size} bytes; a manifest may have {ManifestDocument.MaxSize}");
        }

        using var source = new UploadSource(content, descriptor);
        byte[] bytes = new byte[descriptor.Size];
        await source.FillAsync(bytes, cancellationToken);
        return bytes;
    }

    /// <summary><c>OCI-Subject</c>: the registry keeps the list of referrers itself.</summary>
    private static Digest? SubjectHeader(HttpResponseMessage response) =>
        response.Headers.NonValidated.TryGetValues("OCI-Subject", out var values)
            && Digest.TryParse(values.ToString(), out Digest digest) ? digest : null;
}
