using System.Collections.Immutable;
using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// The manifests that say something about another one: by the referrers API, or, where a registry has none, in an index
/// under the tag that the subject's digest makes (distribution-spec v1.1, #listing-referrers, #referrers-tag-schema).
/// </summary>
internal sealed class Referrers(PullEndpoints pull, RepositoryEndpoint push, ManifestFetch manifests, RecentManifests recent)
{
    private const int MaxPages = 100;

    /// <summary>The referrers of <paramref name="subject"/>, of one type or of all. Empty when there are none.</summary>
    public async Task<ImmutableArray<Descriptor>> ListAsync(Digest subject, string? artifactType, CancellationToken cancellationToken)
    {
        IReadOnlyList<Descriptor>? found = await pull.FirstAsync(async endpoint =>
            await AskAsync(endpoint, subject, artifactType, cancellationToken)
                ?? (await IndexAsync(endpoint, subject, cancellationToken))?.Manifests as IReadOnlyList<Descriptor>);
        // Whether the registry filtered does not matter: filtering twice is filtering once.
        return [.. (found ?? []).Where(referrer => artifactType is null || referrer.ArtifactType == artifactType)];
    }

    /// <summary>Adds a manifest to the index under the subject's tag.</summary>
    public Task AddAsync(Digest subject, Descriptor descriptor, byte[] bytes, CancellationToken cancellationToken) =>
        UpdateAsync(subject, index => index.Manifests.Any(entry => entry.Digest == descriptor.Digest)
            ? null
            : index with { Manifests = index.Manifests.Add(Describe(descriptor, bytes)) }, cancellationToken);

    /// <summary>Takes a manifest out of the index under the subject's tag, if there is one.</summary>
    public Task RemoveAsync(Digest subject, Digest referrer, CancellationToken cancellationToken) =>
        UpdateAsync(subject, index => index.Manifests.Any(entry => entry.Digest == referrer)
            ? index with { Manifests = index.Manifests.RemoveAll(entry => entry.Digest == referrer) }
            : null, cancellationToken);

    /// <summary>The answer of the referrers API, all pages; null where there is no such API.</summary>
    private static async Task<IReadOnlyList<Descriptor>?> AskAsync(
        RepositoryEndpoint endpoint, Digest subject, string? artifactType, CancellationToken cancellationToken)
    {
        string filter = artifactType is null ? "" : $"?artifactType={Uri.EscapeDataString(artifactType)}";
        RegistryRequest request = endpoint.Request(
            HttpMethod.Get, $"referrers/{subject}{filter}", RegistryAction.List, endpoint.NameOf(subject.ToString())) with { Accept = [MediaTypes.OciIndex] };
        List<Descriptor> all = [];
        for (int page = 0; page < MaxPages; page++)
        {
            (ImageIndex? index, Uri? next) = await endpoint.AskAsync<(ImageIndex?, Uri?)>(request, async response =>
            {
                // Some answer with a page for people, or with an error for a path they do not know.
                bool there = response.IsSuccessStatusCode && response.Content.Headers.ContentType?.MediaType == MediaTypes.OciIndex;
                if (!there && (response.IsSuccessStatusCode || response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.BadRequest))
                {
                    return (null, null);
                }

                await endpoint.CheckAsync(response, request, cancellationToken);
                byte[] body = await BoundedBody.ReadAsync(response, ManifestDocument.MaxSize, endpoint.Host.Name, cancellationToken)
                    ?? throw new RegistryException(ErrorKind.ContentMismatch, $"{request.Subject.Object}: the list of referrers is too big");
                return (ImageIndex.Parse(body, MediaTypes.OciIndex), LinkHeader.Next(response));
            }, cancellationToken);
            if (index is null)
            {
                return page == 0 ? null : all;
            }

            all.AddRange(index.Manifests);
            if (next is null || !HttpExchange.IsSameOrigin(next, endpoint.Host.Address) || next.PathAndQuery == request.Target)
            {
                return all;
            }

            request = request with { Target = next.PathAndQuery };
        }

        throw new RegistryException(ErrorKind.ContentMismatch, $"{request.Subject.Object}: the list of referrers does not end");
    }

    private async Task UpdateAsync(Digest subject, Func<ImageIndex, ImageIndex?> change, CancellationToken cancellationToken)
    {
        await push.Host.ReferrerUpdates.WaitAsync(cancellationToken);
        try
        {
            ImageIndex index = await IndexAsync(push, subject, cancellationToken) ?? new ImageIndex { MediaType = MediaTypes.OciIndex };
            if (change(index) is { } changed)
            {
                byte[] bytes = changed.ToJson();
                await new ManifestPush(push, recent, this).PutAsync(Descriptor.Of(MediaTypes.OciIndex, bytes), bytes, TagOf(subject), cancellationToken);
            }
        }
        finally
        {
            push.Host.ReferrerUpdates.Release();
        }
    }

    private async Task<ImageIndex?> IndexAsync(RepositoryEndpoint endpoint, Digest subject, CancellationToken cancellationToken) =>
        await manifests.FetchAsync(endpoint, TagOf(subject), cancellationToken) is { } fetched && fetched.Descriptor.MediaType == MediaTypes.OciIndex
            ? ImageIndex.Parse(fetched.Content.Span, MediaTypes.OciIndex)
            : null;

    /// <summary>The digest with a dash for the colon, cut to what a tag may be.</summary>
    private static string TagOf(Digest subject) => $"{subject.Algorithm}-{subject.Hex[..64]}";

    private static Descriptor Describe(Descriptor descriptor, byte[] bytes)
    {
        (string? type, ImmutableSortedDictionary<string, string>? annotations) = MediaTypes.IsIndex(descriptor.MediaType)
            ? ImageIndex.Parse(bytes, descriptor.MediaType) is var index ? (index.ArtifactType, index.Annotations) : default
            : ImageManifest.Parse(bytes, descriptor.MediaType) is var manifest ? (manifest.ArtifactType ?? manifest.Config.MediaType, manifest.Annotations) : default;
        return new Descriptor
        {
            MediaType = descriptor.MediaType,
            Digest = descriptor.Digest,
            Size = descriptor.Size,
            ArtifactType = type,
            Annotations = annotations,
        };
    }
}
