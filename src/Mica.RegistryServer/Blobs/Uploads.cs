using System.Security.Cryptography;
using Mica.Oci;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Blobs;

/// <summary>
/// From the first byte of a blob to its being one. Nothing of an upload can be seen by anybody but who knows its id, until a
/// digest that fits completes it; the row of the blob comes last, when its bytes are on the disk.
/// </summary>
internal sealed class Uploads(MetadataDatabase metadata, IBlobStorage storage, RegistryLimits limits, TimeProvider time)
{
    private readonly UploadsInFlight _inFlight = new();

    /// <summary>Counts the bytes that came, whether or not a blob became of them.</summary>
    public Counter Received { get; init; } = new();

    /// <summary>How many uploads are remembered beyond their rows.</summary>
    public int InFlight => _inFlight.Count;

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    public async Task<Upload> StartAsync(string repository, string who, string? algorithm, CancellationToken cancellationToken)
    {
        var upload = new Upload(RandomNumberGenerator.GetHexString(32, lowercase: true), repository, who, 0, null);
        await metadata.WriteAsync(
            async session =>
            {
                session.LeavesManifests = true;
                await UploadRows.AddAsync(session, upload, Now);
            },
            cancellationToken);
        if (algorithm is not null)
        {
            await WithTurnAsync(upload.Id, entry => Task.FromResult(entry.Take(0, algorithm)), cancellationToken);
        }

        return upload;
    }

    /// <exception cref="RefusedException">There is no such upload in the repository.</exception>
    public async Task<Upload> FindAsync(string repository, string id, CancellationToken cancellationToken) =>
        await metadata.ReadAsync(session => UploadRows.FindAsync(session, repository, id), cancellationToken)
        ?? throw new RefusedException(ErrorCode.BlobUploadUnknown, $"{repository}: no such upload; it has ended, or was never begun");

    /// <summary>Appends a body that starts at <paramref name="start"/>, which must be the upload's end.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="id">The upload.</param>
    /// <param name="start">Where the client says that the bytes belong; null for the end.</param>
    /// <param name="expected">How many bytes were announced; null for not at all.</param>
    /// <param name="body">The bytes.</param>
    /// <param name="algorithm">The algorithm of the digest to come, if it is known.</param>
    /// <param name="cancellationToken">Ends the wait and the copy; the upload is as before then.</param>
    /// <exception cref="RefusedException">The bytes belong elsewhere, or there are more or fewer than announced.</exception>
    public Task<Upload> AppendAsync(
        string repository, string id, long? start, long? expected, Stream body, string? algorithm, CancellationToken cancellationToken) => WithTurnAsync(
            id, entry => AppendAsync(entry, repository, id, start, expected, body, algorithm, isLast: false, cancellationToken), cancellationToken);

    /// <summary>Appends what the closing request has, checks the digest, and makes the bytes a blob of the repository.</summary>
    /// <exception cref="RefusedException">The digest is not that of the bytes; the upload is gone then.</exception>
    public Task<Digest> CompleteAsync(
        string repository, string id, Digest digest, long? start, long? expected, Stream body, CancellationToken cancellationToken) =>
        WithTurnAsync(id, entry => CompleteAsync(entry, repository, id, digest, start, expected, body, cancellationToken), cancellationToken);

    /// <summary>Ends the upload and removes its bytes; nothing happens when it has become a blob meanwhile.</summary>
    public async Task CancelAsync(Upload upload, CancellationToken cancellationToken)
    {
        // Whoever takes the row away owns the bytes: they are the blob's when the closing request did.
        if (await metadata.WriteAsync(session => UploadRows.RemoveAsync(session, upload.Id), cancellationToken) && _inFlight.End(upload))
        {
            await storage.AbandonAsync(upload, CancellationToken.None);
        }
    }

    private async Task<T> WithTurnAsync<T>(string id, Func<UploadsInFlight.Entry, Task<T>> work, CancellationToken cancellationToken)
    {
        UploadsInFlight.Entry entry = await _inFlight.EnterAsync(id, cancellationToken);
        try
        {
            return await work(entry);
        }
        finally
        {
            if (_inFlight.Leave(entry) is { } ended)
            {
                await storage.AbandonAsync(ended, CancellationToken.None);
            }
        }
    }

    private async Task<Digest> CompleteAsync(
        UploadsInFlight.Entry entry,
        string repository,
        string id,
        Digest digest,
        long? start,
        long? expected,
        Stream body,
        CancellationToken cancellationToken)
    {
        Upload upload = expected == 0 && start is null
            ? await FindAsync(repository, id, cancellationToken)
            : await AppendAsync(entry, repository, id, start, expected, body, digest.Algorithm, isLast: true, cancellationToken);
        if (upload.Size == 0)
        {
            entry.Take(0, digest.Algorithm);
        }

        string stored = await storage.CompleteAsync(upload, cancellationToken);
        Digest actual = entry.DigestOf(upload.Size, digest.Algorithm)
            ?? await HashAsync(stored, upload.Size, digest.Algorithm, cancellationToken);
        if (actual != digest)
        {
            await CancelAsync(upload, cancellationToken);
            throw new RefusedException(ErrorCode.DigestInvalid, $"the {upload.Size} bytes have the digest {actual}, not {digest}");
        }

        string key;
        try
        {
            key = await LinkAsync(upload, stored, digest, cancellationToken);
        }
        catch (RefusedException refused) when (refused.Code == ErrorCode.QuotaExceeded)
        {
            await CancelAsync(upload, CancellationToken.None);
            throw;
        }

        entry.Forget();
        if (key != stored)
        {
            // The bytes are here already.
            await storage.RemoveAsync(stored, CancellationToken.None);
        }

        return digest;
    }

    /// <summary>
    /// Makes a file of this machine, which may be gone then, a blob of the repository. The bytes are read again, as they are on
    /// the disk.
    /// </summary>
    public async Task AdoptAsync(string repository, string who, Digest digest, string path, long size, CancellationToken cancellationToken)
    {
        Upload upload = await StartAsync(repository, who, algorithm: null, cancellationToken);
        try
        {
            if (storage.TryAdopt(upload, path))
            {
                await metadata.WriteAsync(session => UploadRows.GrowAsync(session, upload with { Size = size }, 0, Now), cancellationToken);
                await CompleteAsync(repository, upload.Id, digest, start: null, expected: 0, Stream.Null, cancellationToken);
                return;
            }

            await using FileStream content = File.OpenRead(path);
            await CompleteAsync(repository, upload.Id, digest, start: null, expected: size, content, cancellationToken);
        }
        catch
        {
            await CancelAsync(upload, CancellationToken.None);
            throw;
        }
    }

    /// <summary>Drops what the storage has of uploads that are gone: where a replica was killed nobody else did it.</summary>
    public Task RemoveUnfinishedAsync(CancellationToken cancellationToken) => storage.RemoveUnfinishedAsync(
        id => metadata.ReadAsync(session => UploadRows.ExistsAsync(session, id), cancellationToken), cancellationToken);

    /// <summary>Makes the upload a blob of its repository; tells under which key the blob's bytes are.</summary>
    private Task<string> LinkAsync(Upload upload, string stored, Digest digest, CancellationToken cancellationToken) =>
        metadata.WriteAsync(
            async session =>
            {
                if (!await UploadRows.RemoveAsync(session, upload.Id, upload.Size))
                {
                    throw new RefusedException(ErrorCode.BlobUploadUnknown, $"{upload.Repository}: the upload has ended or grown meanwhile");
                }

                session.LeavesManifests = true;
                long now = Now;
                string kept = await BlobRows.AddAsync(session, digest, upload.Size, stored, now);
                long target = await RepositoryRows.EnsureAsync(session, upload.Repository, now);
                await BlobRows.LinkAsync(session, target, digest, now + (long)limits.Lease.TotalMilliseconds);
                await Quota.CheckAsync(session, limits.Quotas, upload.Repository);
                return kept;
            },
            cancellationToken);

    private async Task<Upload> AppendAsync(
        UploadsInFlight.Entry entry,
        string repository,
        string id,
        long? start,
        long? expected,
        Stream body,
        string? algorithm,
        bool isLast,
        CancellationToken cancellationToken)
    {
        Upload upload = await FindAsync(repository, id, cancellationToken);
        if (start is { } position && position != upload.Size)
        {
            throw new RefusedException(ErrorCode.RangeInvalid, $"the next byte is {upload.Size}, not {position}");
        }

        IncrementalHash? hash = entry.Take(upload.Size, algorithm);
        Upload grown;
        bool isWhole = false;
        try
        {
            await using var received = new ReceivedStream(body, hash, expected, limits.MaxBlobSize - upload.Size, Received);
            grown = await storage.AppendAsync(upload, received, isLast, cancellationToken);
            if (grown.Size != upload.Size
                && !await metadata.WriteAsync(
                    session =>
                    {
                        session.LeavesManifests = true;
                        return UploadRows.GrowAsync(session, grown, upload.Size, Now);
                    },
                    cancellationToken))
            {
                await storage.DiscardAsync(upload, grown, CancellationToken.None);
                throw new RefusedException(ErrorCode.RangeInvalid, "another request appended to the upload meanwhile");
            }

            isWhole = true;
        }
        finally
        {
            if (!isWhole)
            {
                entry.Forget();
            }
        }

        if (hash is not null)
        {
            entry.Grown(grown.Size);
        }

        return grown;
    }

    private async Task<Digest> HashAsync(string key, long size, string algorithm, CancellationToken cancellationToken)
    {
        await using Stream bytes = await storage.OpenAsync(key, 0, size, cancellationToken);
        return await ContentHash.OfAsync(bytes, algorithm, cancellationToken);
    }
}
