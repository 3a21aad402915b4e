using System.Collections.Immutable;
using System.Globalization;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Makes a new catalog from what is on the disk: every blob is read and hashed, unpacked layers are taken over by their
/// description, and names come from <c>index.json</c>. A document that nothing refers to becomes an image without a name, so
/// that no content is lost. Lost are the journal, the times of use, and moves of names that <c>index.json</c> had not seen.
/// </summary>
internal sealed class CatalogRebuild(StoreLayout layout, StoreOptions options, IProgress<ProgressEvent>? progress)
{
    private readonly List<StoreFinding> _findings = [];
    private readonly Dictionary<Digest, Descriptor> _blobs = [];

    public async Task<StoreCheckReport> RunAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(layout.Marker) && !Directory.Exists(layout.Blobs))
        {
            throw new MicaException(ErrorKind.NotFound, $"{layout.Root}: not a mica store");
        }

        layout.Create();
        using KeyLock held = await KeyLock.AcquireAsync(layout.Lock, cancellationToken);
        RefuseOthers();
        string path = layout.Catalog + ".new";
        Remove(path);
        (int layers, ImmutableArray<MissingContent> missing) = await FillAsync(path, cancellationToken);
        options.Failpoint?.Invoke("catalog rebuilt");
        Replace(path);
        return new StoreCheckReport
        {
            Blobs = _blobs.Count,
            BlobBytes = _blobs.Values.Sum(blob => blob.Size),
            Layers = layers,
            Findings = [.. _findings],
            Missing = missing,
        };
    }

    private async Task<(int Layers, ImmutableArray<MissingContent> Missing)> FillAsync(string path, CancellationToken cancellationToken)
    {
        using var catalog = Catalog.Create(path, options);
        var blobs = new BlobStore(layout, catalog, options);
        var disposal = new ContentDisposal(layout, catalog, options);
        await ReadBlobsAsync(disposal, cancellationToken);
        await ReadMediaTypesAsync(cancellationToken);
        catalog.Write(WriteBlobs);
        int layers = catalog.Write(database => ReadLayers(database, disposal));
        foreach (Descriptor root in Roots(await ReadIndexAsync(cancellationToken)))
        {
            await RestoreAsync(catalog, blobs, root, cancellationToken);
        }

        ImmutableArray<MissingContent> missing = catalog.Read(database => MissingContentQuery.Run(database, [], _ => null));
        foreach (MissingContent content in missing)
        {
            _findings.Add(MissingContentQuery.Finding(content));
        }

        return (layers, missing);
    }

    /// <summary>A process that is at work in the old catalog would lose what it does.</summary>
    private void RefuseOthers()
    {
        foreach (string slot in Directory.EnumerateFiles(layout.Slots))
        {
            using KeyLock? free = KeyLock.TryAcquire(slot);
            if (free is null)
            {
                throw new MicaException(ErrorKind.Conflict, $"{layout.Root}: another process is using the store");
            }
        }
    }

    private async Task ReadBlobsAsync(ContentDisposal disposal, CancellationToken cancellationToken)
    {
        var gate = new Lock();
        await Parallel.ForEachAsync(layout.ListBlobs(), cancellationToken, (entry, token) =>
        {
            (string path, Digest digest) = entry;
            (StoreFindingKind Kind, string Message)? damage = BlobCheck.Examine(path, digest, size: null, token);
            lock (gate)
            {
                if (damage is { } found)
                {
                    _findings.Add(new StoreFinding(found.Kind, digest.ToString(), found.Message, IsRepaired: true));
                }
                else
                {
                    _blobs[digest] = new Descriptor { Digest = digest, MediaType = "application/octet-stream", Size = new FileInfo(path).Length };
                    progress?.Report(new BlobCompleted(_blobs[digest]));
                }
            }

            if (damage is not null)
            {
                // It has no row in the new catalog, so it goes.
                disposal.RemoveBlob(digest);
            }

            return ValueTask.CompletedTask;
        });
    }

    /// <summary>A document tells its own type, and the types of what it refers to.</summary>
    private async Task ReadMediaTypesAsync(CancellationToken cancellationToken)
    {
        foreach (Descriptor blob in _blobs.Values.Where(blob => blob.Size <= ManifestDocument.MaxSize).ToArray())
        {
            byte[] content = await File.ReadAllBytesAsync(layout.Blob(blob.Digest), cancellationToken);
            if (content.Length == 0 || content[0] != '{' || ManifestDocument.Sniff(content) is not { } type || !MediaTypes.IsDocument(type))
            {
                continue;
            }

            try
            {
                ImmutableArray<Descriptor> children = ManifestDocument.Children(content, type);
                _blobs[blob.Digest] = blob with { MediaType = type };
                foreach (Descriptor child in children)
                {
                    if (_blobs.TryGetValue(child.Digest, out Descriptor? known) && !MediaTypes.IsDocument(known.MediaType))
                    {
                        _blobs[child.Digest] = known with { MediaType = child.MediaType };
                    }
                }
            }
            catch (MicaException)
            {
                // A file of a layer's content, or an artifact's, that only looks like a manifest.
            }
        }
    }

    private void WriteBlobs(Database database)
    {
        foreach (Descriptor blob in _blobs.Values)
        {
            using Statement insert = database.Use(
                "INSERT INTO blobs(digest, size, media_type, created, used) VALUES(?1, ?2, ?3, ?4, ?4)");
            insert.Bind(1, blob.Digest).Bind(2, blob.Size).Bind(3, blob.MediaType).Bind(4, options.Time.GetUtcNow()).Run();
        }
    }

    private int ReadLayers(Database database, ContentDisposal disposal)
    {
        int count = 0;
        foreach ((string path, Digest diffId) in layout.ListLayers())
        {
            if (LayerCheck.Examine(path, diffId, bytes: null) is { } damage)
            {
                _findings.Add(new StoreFinding(StoreFindingKind.LayerDamaged, diffId.ToString(), damage, IsRepaired: true));
                disposal.MoveToTrash(path);
                continue;
            }

            LayerRows.Record(database, diffId, LayerDescription.Read(path, diffId)!, options.Time.GetUtcNow(), pending: null);
            count++;
        }

        return count;
    }

    private async Task<ImmutableArray<Descriptor>> ReadIndexAsync(CancellationToken cancellationToken)
    {
        try
        {
            return ImageIndex.Parse(await File.ReadAllBytesAsync(layout.Index, cancellationToken), MediaTypes.OciIndex).Manifests;
        }
        catch (Exception failure) when (failure is MicaException or FileNotFoundException)
        {
            _findings.Add(new StoreFinding(StoreFindingKind.NameBroken, layout.Index, "it cannot be read: the names are lost", IsRepaired: false));
            return [];
        }
    }

    /// <summary>What the index names, and the documents that nothing refers to.</summary>
    private IEnumerable<Descriptor> Roots(ImmutableArray<Descriptor> named)
    {
        HashSet<Digest> known = [.. named.Select(entry => entry.Digest)];
        foreach (Descriptor document in _blobs.Values.Where(blob => MediaTypes.IsDocument(blob.MediaType)))
        {
            known.UnionWith(ManifestDocument.Children(File.ReadAllBytes(layout.Blob(document.Digest)), document.MediaType)
                .Select(child => child.Digest));
        }

        return named.Concat(_blobs.Values.Where(blob => MediaTypes.IsDocument(blob.MediaType) && !known.Contains(blob.Digest)));
    }

    private async Task RestoreAsync(Catalog catalog, BlobStore blobs, Descriptor root, CancellationToken cancellationToken)
    {
        string? name = root.Annotations?.GetValueOrDefault(LayoutIndex.RefName);
        try
        {
            ImageGraph graph = await ImageGraph.ReadAsync(root with { Annotations = null }, blobs, cancellationToken);
            catalog.Write(database =>
            {
                ImageRows.Restore(database, graph, options);
                if (name is not null && ImageReference.TryParse(name, out ImageReference? reference))
                {
                    NameJournal.Assign(database, reference, root.Digest, "rebuild", options);
                    SetTagged(database, root, reference.WithDefaultTag().ToString());
                }

                foreach (string repository in (root.Annotations?.GetValueOrDefault(LayoutIndex.Repositories) ?? "")
                    .Split(' ', StringSplitOptions.RemoveEmptyEntries))
                {
                    NameJournal.RecordDigest(database, repository, root.Digest);
                }
            });
        }
        catch (MicaException failure)
        {
            _findings.Add(new StoreFinding(StoreFindingKind.ImageIncomplete, name ?? root.Digest.ToString(), failure.Message, IsRepaired: false));
        }
    }

    private static void SetTagged(Database database, Descriptor root, string name)
    {
        if (Timestamp.Read(root.Annotations?.GetValueOrDefault(LayoutIndex.Tagged)) is { } tagged)
        {
            using Statement names = database.Use("UPDATE names SET moved = ?2 WHERE name = ?1");
            names.Bind(1, name).Bind(2, tagged).Run();
            using Statement roots = database.Use("UPDATE roots SET tagged = ?2 WHERE digest = ?1");
            roots.Bind(1, root.Digest).Bind(2, tagged).Run();
        }
    }

    /// <summary>Puts the new catalog in the place of the old, which is kept beside it.</summary>
    private void Replace(string path)
    {
        string kept = layout.Catalog + options.Time.GetUtcNow().ToString("'.replaced-'yyyyMMddHHmmss", CultureInfo.InvariantCulture);
        foreach (string suffix in new[] { "-wal", "-shm", "" })
        {
            if (File.Exists(layout.Catalog + suffix))
            {
                File.Move(layout.Catalog + suffix, kept + suffix, overwrite: true);
            }
        }

        File.Move(path, layout.Catalog, overwrite: true);
        LinuxFileSystem.SyncDirectory(layout.Root);
    }

    private static void Remove(string path)
    {
        foreach (string suffix in new[] { "", "-wal", "-shm", "-journal" })
        {
            File.Delete(path + suffix);
        }
    }
}
