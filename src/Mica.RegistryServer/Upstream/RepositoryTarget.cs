using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Upstream;

/// <summary>A repository of this registry as the target of a copy that no client pushes.</summary>
/// <param name="name">The repository.</param>
/// <param name="who">Who does it, for the journal.</param>
/// <param name="mayLink">Whose blobs may be given to the repository without a transfer.</param>
/// <param name="manifests">Where manifests go.</param>
/// <param name="blobs">Where blobs are.</param>
/// <param name="uploads">How blobs get there.</param>
internal sealed class RepositoryTarget(
    string name, string who, Func<string, bool> mayLink, ManifestStore manifests, BlobStore blobs, Uploads uploads) : IMountingTarget
{
    public async ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) =>
        await manifests.FindAsync(name, reference, cancellationToken) is { } manifest
            ? new Descriptor { MediaType = manifest.MediaType, Digest = manifest.Digest, Size = manifest.Content.Length }
            : null;

    public async ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        if (MediaTypes.IsDocument(descriptor.MediaType))
        {
            StoredManifest manifest = await FindAsync(descriptor, cancellationToken);
            return new MemoryStream(manifest.Content.ToArray(), writable: false);
        }

        StoredBlob blob = await blobs.FindAsync(name, descriptor.Digest, hold: false, cancellationToken) ?? throw Missing(descriptor);
        return new VerifyingStream(await blobs.OpenAsync(blob, cancellationToken), descriptor);
    }

    public async ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        MediaTypes.IsDocument(descriptor.MediaType)
            ? await manifests.FindAsync(name, descriptor.Digest.ToString(), cancellationToken) is not null
            : await blobs.FindAsync(name, descriptor.Digest, hold: true, cancellationToken) is not null;

    public async ValueTask<bool> TryMountAsync(Descriptor descriptor, string sourceRepository, CancellationToken cancellationToken) =>
        await blobs.MountAsync(name, descriptor.Digest, source: null, mayLink, cancellationToken);

    public async ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken)
    {
        if (MediaTypes.IsDocument(expected.MediaType))
        {
            byte[] document = new byte[expected.Size];
            await content.ReadExactlyAsync(document, cancellationToken);
            var manifest = new StoredManifest { Digest = expected.Digest, MediaType = expected.MediaType, Content = document };
            await manifests.PutAsync(name, manifest, [], who, isSparse: false, cancellationToken);
            return;
        }

        Upload upload = await uploads.StartAsync(name, who, expected.Digest.Algorithm, cancellationToken);
        try
        {
            await uploads.CompleteAsync(name, upload.Id, expected.Digest, start: null, expected.Size, content, cancellationToken);
        }
        catch
        {
            await uploads.CancelAsync(upload, CancellationToken.None);
            throw;
        }
    }

    public async ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken)
    {
        StoredManifest manifest = await FindAsync(descriptor, cancellationToken);
        await manifests.PutAsync(name, manifest, [tag], who, isSparse: false, cancellationToken);
    }

    /// <summary>Whether the document and all below it are here: a cache may have it without them.</summary>
    public async Task<bool> IsWholeAsync(Digest digest, CancellationToken cancellationToken)
    {
        if (await manifests.FindAsync(name, digest.ToString(), cancellationToken) is not { } manifest)
        {
            return false;
        }

        foreach (Descriptor child in ManifestDocument.Children(manifest.Content.Span, manifest.MediaType))
        {
            bool isHere = MediaTypes.IsDocument(child.MediaType) ? await IsWholeAsync(child.Digest, cancellationToken)
                : MediaTypes.IsNondistributable(child.MediaType)
                || await blobs.FindAsync(name, child.Digest, hold: false, cancellationToken) is not null;
            if (!isHere)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The digests of the document and of all documents below it.</summary>
    public async Task<ImmutableArray<Digest>> DocumentsAsync(Digest digest, CancellationToken cancellationToken)
    {
        ImmutableArray<Digest> all = [digest];
        if (await manifests.FindAsync(name, digest.ToString(), cancellationToken) is { } manifest && MediaTypes.IsIndex(manifest.MediaType))
        {
            foreach (Descriptor child in ManifestDocument.Children(manifest.Content.Span, manifest.MediaType))
            {
                all = all.AddRange(await DocumentsAsync(child.Digest, cancellationToken));
            }
        }

        return all;
    }

    private async ValueTask<StoredManifest> FindAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        await manifests.FindAsync(name, descriptor.Digest.ToString(), cancellationToken) ?? throw Missing(descriptor);

    private MicaException Missing(Descriptor descriptor) => new(ErrorKind.NotFound, $"{name}: {descriptor.Digest} is not there");
}
