using System.IO.Pipelines;
using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Blobs;

/// <summary>The blobs of repositories.</summary>
internal sealed class BlobStore(MetadataDatabase metadata, IBlobStorage storage, RegistryLimits limits, TimeProvider time)
{
    private long Lease => (long)limits.Lease.TotalMilliseconds;

    /// <summary>The blob, if the repository has it.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="digest">The blob.</param>
    /// <param name="hold">It stays for the time of a lease from now on, whatever becomes of the manifests that need it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<StoredBlob?> FindAsync(string repository, Digest digest, bool hold, CancellationToken cancellationToken)
    {
        StoredBlob? blob = await metadata.ReadAsync(session => BlobRows.FindAsync(session, repository, digest), cancellationToken);
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        if (blob is null || !hold || blob.Leased > now + (Lease / 2))
        {
            return blob;
        }

        // Between the look and the hold it may have gone: then it is not there.
        return await metadata.WriteAsync(
            async session =>
            {
                if (await BlobRows.FindAsync(session, repository, digest) is not { } found)
                {
                    return null;
                }

                session.LeavesManifests = true;
                await BlobRows.LinkAsync(session, (await RepositoryRows.FindAsync(session, repository))!.Value, digest, now + Lease);
                return found;
            },
            cancellationToken);
    }

    /// <summary>The repository has the blob, but its bytes are damaged, which is why it is not found.</summary>
    public Task<bool> IsDamagedAsync(string repository, Digest digest, CancellationToken cancellationToken) =>
        metadata.ReadAsync(session => BlobRows.IsDamagedAsync(session, repository, digest), cancellationToken);

    public Task SendAsync(StoredBlob blob, long offset, long length, PipeWriter target, CancellationToken cancellationToken) =>
        storage.SendAsync(blob.StorageKey, offset, length, target, cancellationToken);

    /// <summary>Where a client may fetch the blob itself; null when it comes from here.</summary>
    public ValueTask<Uri?> RedirectAsync(StoredBlob blob) => storage.RedirectAsync(blob.StorageKey, blob.Size);

    public Task<Stream> OpenAsync(StoredBlob blob, CancellationToken cancellationToken) =>
        storage.OpenAsync(blob.StorageKey, 0, blob.Size, cancellationToken);

    /// <summary>Takes the blob from this repository; others keep it. False when there was none.</summary>
    public Task<bool> UnlinkAsync(string repository, Digest digest, CancellationToken cancellationToken) =>
        metadata.WriteAsync(session => BlobRows.UnlinkAsync(session, repository, digest), cancellationToken);

    /// <summary>
    /// Gives the repository a blob that <paramref name="source"/> has, or, without a source, one of the repositories that
    /// <paramref name="mayRead"/> lets through. False when there is none.
    /// </summary>
    public async Task<bool> MountAsync(
        string repository, Digest digest, string? source, Func<string, bool> mayRead, CancellationToken cancellationToken)
    {
        string? owner = source is not null ? (mayRead(source) ? source : null)
            : (await metadata.ReadAsync(session => BlobRows.RepositoriesAsync(session, digest), cancellationToken)).FirstOrDefault(mayRead);
        if (owner is null || await FindAsync(owner, digest, hold: false, cancellationToken) is null)
        {
            return false;
        }

        return await metadata.WriteAsync(
            async session =>
            {
                if (await BlobRows.FindAsync(session, owner, digest) is null)
                {
                    return false;
                }

                session.LeavesManifests = true;
                long now = time.GetUtcNow().ToUnixTimeMilliseconds();
                await BlobRows.LinkAsync(session, await RepositoryRows.EnsureAsync(session, repository, now), digest, now + Lease);
                await Quota.CheckAsync(session, limits.Quotas, repository);
                return true;
            },
            cancellationToken);
    }
}
