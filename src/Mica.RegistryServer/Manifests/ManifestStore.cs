using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Events;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Manifests;

/// <summary>Manifests and the tags on them.</summary>
internal sealed class ManifestStore(MetadataDatabase metadata, RegistryLimits limits, TagRules rules, TimeProvider time)
{
    private readonly ManifestCache _cache = new(metadata);

    /// <summary>Takes what happened, in the transaction in which it does; null where nobody wants to know.</summary>
    public EventOutbox? Events { get; init; }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What a tag or a digest stands for in the repository; null when there is none.</summary>
    public ValueTask<StoredManifest?> FindAsync(string repository, string reference, CancellationToken cancellationToken) =>
        _cache.TryGet(repository, reference, out StoredManifest? cached)
            ? ValueTask.FromResult(cached)
            : new ValueTask<StoredManifest?>(_cache.FillAsync(repository, reference, cancellationToken));

    /// <summary>
    /// Stores a document exactly as it is, and moves <paramref name="tags"/> to it, as far as <paramref name="rights"/> allow:
    /// a new tag needs <see cref="Rights.Create"/>, and one that stands for something else <see cref="Rights.Update"/>.
    /// </summary>
    /// <returns>What the document says it is about, for the answer.</returns>
    /// <exception cref="RefusedException">Something that it needs is not there, or a tag may not move.</exception>
    public async Task<ManifestLinks> PutAsync(
        string repository,
        StoredManifest manifest,
        ImmutableArray<string> tags,
        string who,
        bool isSparse,
        CancellationToken cancellationToken,
        Rights rights = Rights.All)
    {
        ManifestLinks links = ManifestReading.Read(manifest.Content, manifest.MediaType);
        await metadata.WriteAsync(
            async session =>
            {
                long now = Now;
                long id = await RepositoryRows.EnsureAsync(session, repository, now);
                if (!isSparse)
                {
                    await CheckAsync(session, id, repository, links);
                }

                await ManifestRows.PutAsync(session, id, manifest, links, now);
                if (Events is not null)
                {
                    await Events.PushedAsync(session, repository, manifest, links, tags, who, now);
                }

                foreach (string tag in tags)
                {
                    await RequireAsync(session, id, repository, tag, manifest.Digest, who, rights);
                    await MoveAsync(session, id, repository, tag, manifest.Digest, who, now);
                }
            },
            cancellationToken);
        return links;
    }

    /// <summary>Removes a tag alone; what it stood for stays for the grace time.</summary>
    public async Task<bool> RemoveTagAsync(string repository, string tag, string who, CancellationToken cancellationToken)
    {
        rules.CheckRemoval(repository, tag);
        return await metadata.WriteAsync(
            async session => await RepositoryRows.FindAsync(session, repository) is { } id
                && await RemoveTagAsync(session, id, repository, tag, who),
            cancellationToken);
    }

    /// <summary>Removes a manifest at once, with the tags on it.</summary>
    public async Task<bool> RemoveAsync(string repository, Digest digest, string who, CancellationToken cancellationToken) =>
        await metadata.WriteAsync(
            async session =>
            {
                if (await RepositoryRows.FindAsync(session, repository) is not { } id)
                {
                    return false;
                }

                foreach (string tag in await TagRows.OfAsync(session, id, digest))
                {
                    rules.CheckRemoval(repository, tag);
                    await RemoveTagAsync(session, id, repository, tag, who);
                }

                bool isRemoved = await ManifestRows.RemoveAsync(session, id, digest);
                if (isRemoved && Events is not null)
                {
                    await Events.RemovedAsync(session, repository, digest, who, Now);
                }

                return isRemoved;
            },
            cancellationToken);

    /// <summary>
    /// Lets the tag stand again for what it stood for before its last move, or for <paramref name="target"/>, and notes that as
    /// a move too.
    /// </summary>
    /// <exception cref="RefusedException">There was nothing before, or it is gone.</exception>
    public Task<TagMove> UndoAsync(string repository, string tag, Digest? target, string who, CancellationToken cancellationToken) =>
        metadata.WriteAsync(
            async session =>
            {
                List<TagMove> moves = await TagRows.JournalAsync(session, repository, tag, long.MaxValue, 1);
                if (moves is not [var last])
                {
                    throw new RefusedException(ErrorCode.ManifestUnknown, $"{repository}:{tag}: the tag never moved");
                }

                Digest digest = target ?? last.Was
                    ?? throw new RefusedException(ErrorCode.ManifestUnknown, $"{repository}:{tag}: it stood for nothing before");
                if (await RepositoryRows.FindAsync(session, repository) is not { } id || !await ManifestRows.ExistsAsync(session, id, digest))
                {
                    throw new RefusedException(ErrorCode.ManifestUnknown, $"{repository}:{tag}: {digest} is gone; its grace time is over");
                }

                await MoveAsync(session, id, repository, tag, digest, who, Now);
                return (await TagRows.JournalAsync(session, repository, tag, long.MaxValue, 1))[0];
            },
            cancellationToken);

    /// <summary>Within the transaction: of two who may only make tags, one is first.</summary>
    private static async ValueTask RequireAsync(SqlSession session, long id, string repository, string tag, Digest digest, string who, Rights rights)
    {
        Digest? stands = rights == Rights.All ? digest : await TagRows.FindAsync(session, id, tag);
        if (stands is null && (rights & Rights.Create) == 0)
        {
            throw new RefusedException(ErrorCode.Denied, $"{who} may not make {repository}:{tag}, which does not exist");
        }

        if (stands is not null && stands != digest && (rights & Rights.Update) == 0)
        {
            throw new RefusedException(ErrorCode.Denied, $"{who} may not move {repository}:{tag}, which exists");
        }
    }

    private async ValueTask MoveAsync(SqlSession session, long id, string repository, string tag, Digest digest, string who, long now)
    {
        if (rules.IsImmutable(repository, tag) && await TagRows.FindAsync(session, id, tag) is { } stands && stands != digest)
        {
            throw new RefusedException(ErrorCode.TagImmutable, $"{repository}:{tag} is immutable and stands for {stands}");
        }

        Digest? was = await TagRows.MoveAsync(session, id, repository, tag, digest, who, now);
        if (was != digest && Events is not null)
        {
            await Events.MovedAsync(session, repository, tag, was, digest, who, now);
        }
    }

    private async ValueTask<bool> RemoveTagAsync(SqlSession session, long id, string repository, string tag, string who)
    {
        long now = Now;
        Digest? was = await TagRows.RemoveAsync(session, id, repository, tag, who, now);
        if (was is not null && Events is not null)
        {
            await Events.MovedAsync(session, repository, tag, was, null, who, now);
        }

        return was is not null;
    }

    private async ValueTask CheckAsync(SqlSession session, long id, string repository, ManifestLinks links)
    {
        if (await BlobRows.MissingAsync(session, id, links.Blobs) is { } blob)
        {
            throw new RefusedException(ErrorCode.ManifestBlobUnknown, $"{repository}: blob {blob} is not there; push it first");
        }

        foreach (Digest child in links.Manifests)
        {
            if (!await ManifestRows.ExistsAsync(session, id, child))
            {
                throw new RefusedException(ErrorCode.ManifestBlobUnknown, $"{repository}: manifest {child} is not there; push it first");
            }
        }

        await Quota.CheckAsync(session, limits.Quotas, repository);
    }
}
