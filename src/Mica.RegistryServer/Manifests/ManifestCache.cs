using System.Collections.Concurrent;
using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Manifests;

/// <summary>
/// Manifests that were asked for since the last write. Only where nobody else writes to the database; a write of our own
/// empties it, so an answer is never older than the last one.
/// </summary>
internal sealed class ManifestCache(MetadataDatabase metadata)
{
    private const long MaxBytes = 64 << 20;

    private volatile Epoch _epoch = new(-1);

    public bool TryGet(string repository, string reference, out StoredManifest? manifest)
    {
        Epoch epoch = _epoch;
        manifest = null;
        return metadata.IsExclusive && epoch.Generation == metadata.Generation
            && epoch.Manifests.TryGetValue((repository, reference), out manifest);
    }

    public async Task<StoredManifest?> FillAsync(string repository, string reference, CancellationToken cancellationToken)
    {
        // Taken before the question: what is written meanwhile belongs to a later generation.
        long generation = metadata.Generation;
        StoredManifest? manifest = await metadata.ReadAsync(
            session => Digest.TryParse(reference, out Digest digest)
                ? ManifestRows.FindAsync(session, repository, digest)
                : ManifestRows.FindAsync(session, repository, reference),
            cancellationToken);
        if (manifest is null || !metadata.IsExclusive)
        {
            return manifest;
        }

        Epoch epoch = _epoch;
        if (epoch.Generation != generation || epoch.Bytes > MaxBytes)
        {
            epoch = new Epoch(generation);
            _epoch = epoch;
        }

        if (epoch.Manifests.TryAdd((repository, reference), manifest))
        {
            epoch.Add(manifest.Content.Length + 512);
        }

        return manifest;
    }

    private sealed class Epoch(long generation)
    {
        private long _bytes;

        public long Generation => generation;

        public ConcurrentDictionary<(string Repository, string Reference), StoredManifest> Manifests { get; } = new();

        public long Bytes => Interlocked.Read(ref _bytes);

        public void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);
    }
}
