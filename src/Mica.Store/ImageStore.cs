using System.Collections.Immutable;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// The images of this machine: one directory, shared by any number of processes at once. It holds blobs (the root is an OCI
/// image layout), unpacked layers by their diffID, and a catalog of images and names.
/// <para>
/// An <i>image</i> is what a name stands for: the manifest or index as it was fetched. Its <i>ID</i> is the digest of its
/// config. A <i>name</i> is moved, never just overwritten: its journal tells from where, and what it stood for is kept for a
/// grace time. Content is brought in under a <i>lease</i>, and becomes an image by a commit.
/// </para>
/// <para>
/// Nothing half-written is ever visible. A process may be killed at any moment: what was in the store stays as it was, and
/// what was on its way is gone on with, or removed, by whoever comes next. Failures are <see cref="MicaException"/>s:
/// <see cref="ErrorKind.PermissionDenied"/>, <see cref="ErrorKind.Failed"/> for a full disk,
/// <see cref="ErrorKind.ContentMismatch"/> for a damaged store, <see cref="ErrorKind.Unavailable"/> when another process
/// keeps the catalog locked for too long.
/// </para>
/// Safe for concurrent use.
/// </summary>
public sealed class ImageStore : IContentTarget, IResumableSource, IAsyncDisposable
{
    /// <summary>How long what was written without a lease of its own is held.</summary>
    private static readonly TimeSpan s_ownLease = TimeSpan.FromHours(24);

    private readonly StoreLayout _layout;
    private readonly Catalog _catalog;
    private readonly StoreOptions _options;
    private readonly ContentDisposal _disposal;
    private readonly Leftovers _leftovers;
    private readonly LayoutIndex _index;
    private readonly Lazy<bool> _cleaned;
    private readonly Lazy<long> _own;
    private int _disposed;

    private ImageStore(StoreLayout layout, Catalog catalog, StoreOptions options)
    {
        _layout = layout;
        _catalog = catalog;
        _options = options;
        Blobs = new BlobStore(layout, catalog, options);
        Commits = new ImageCommit(layout, catalog, Blobs, options);
        _disposal = new ContentDisposal(layout, catalog, options);
        Layers = new LayerFetch(layout, catalog, Blobs, _disposal, options);
        _leftovers = new Leftovers(layout, catalog, _disposal, options.Time);
        _index = new LayoutIndex(layout, catalog, options);
        Leases = new Leases(layout, catalog, options.Time);
        _cleaned = new Lazy<bool>(Clean);
        Builds = new BuildRecords(this, options.Time);
        Objects = new ObjectRecords(this);
        _own = new Lazy<long>(() => BeginLease("content of one process", s_ownLease));
    }

    /// <summary>The store's directory.</summary>
    public string Root => _layout.Root;

    /// <summary>The results of build steps.</summary>
    public BuildRecords Builds { get; }

    /// <summary>Containers, volumes and networks.</summary>
    public ObjectRecords Objects { get; }

    /// <summary>Where each container has a directory. Made when it is asked for.</summary>
    public string ContainersDirectory => MakeDirectory(_layout.Containers);

    /// <summary>Where each volume has a directory. Made when it is asked for.</summary>
    public string VolumesDirectory => MakeDirectory(_layout.Volumes);

    /// <summary>Where builds keep what is no layer: cache mounts, digests of contexts. Made when it is asked for.</summary>
    public string BuildDirectory => StoreErrors.Guard(Root, () => Directory.CreateDirectory(_layout.Build)).FullName;

    internal BlobStore Blobs { get; }

    internal ImageCommit Commits { get; }

    internal LayerFetch Layers { get; }

    internal Leases Leases { get; }

    /// <summary>Opens the store; an empty or absent directory becomes one.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.InvalidArgument"/>: the directory is something else. <see cref="ErrorKind.Unsupported"/>: a newer
    /// mica wrote it.
    /// </exception>
    public static Task<ImageStore> OpenAsync(StoreOptions options, CancellationToken cancellationToken)
    {
        var layout = new StoreLayout(options.Root);
        return StoreErrors.GuardAsync(layout.Root, async () =>
        {
            Catalog catalog = Ballast.Open(layout, options) ?? await StoreCreation.CreateAsync(layout, options, cancellationToken);
            Ballast.Ensure(layout);
            return new ImageStore(layout, catalog, options);
        });
    }

    /// <summary>
    /// Makes a new catalog for a store whose own is lost or damaged, from the blobs, the unpacked layers and
    /// <c>index.json</c>. The old one is kept beside it. No other process may use the store meanwhile. Lost are the journal of
    /// names and times of use.
    /// </summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: no store. <see cref="ErrorKind.Conflict"/>: another process is using it.
    /// </exception>
    public static Task<StoreCheckReport> RebuildAsync(
        StoreOptions options, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        var layout = new StoreLayout(options.Root);
        return StoreErrors.GuardAsync(layout.Root, () => new CatalogRebuild(layout, options, progress).RunAsync(cancellationToken));
    }

    /// <summary>Begins an operation that brings content in, or uses it. <paramref name="purpose"/> is a line for people.</summary>
    public Task<StoreLease> LeaseAsync(string purpose, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(new StoreLease(this, BeginLease(purpose, lifetime: null)));
    }

    /// <summary>A place to make layers in; <paramref name="lease"/> holds what is made.</summary>
    public LayerWorkspace NewWorkspace(StoreLease lease)
    {
        _ = _cleaned.Value;
        return new LayerWorkspace(this, _layout, _catalog, _disposal, _options, lease);
    }

    /// <summary>
    /// The trees of unpacked layers, as overlayfs takes them: <paramref name="diffIds"/> from the lowest, the result from the
    /// topmost. A layer that hides all below it ends them.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: one is not here.</exception>
    public Task<ImmutableArray<string>> TreesAsync(IReadOnlyList<Digest> diffIds, CancellationToken cancellationToken) => ReadAsync(database =>
    {
        ImmutableArray<string>.Builder trees = ImmutableArray.CreateBuilder<string>();
        foreach (Digest diffId in diffIds.Reverse())
        {
            using Statement row = database.Use("SELECT hides_lower FROM layers WHERE diff_id = ?1");
            if (!row.Bind(1, diffId).Step())
            {
                throw new MicaException(ErrorKind.NotFound, $"layer {diffId}: not found in {Root}");
            }

            trees.Add(_layout.LayerTree(diffId));
            if (row.Bool(0))
            {
                break;
            }
        }

        return trees.ToImmutable();
    }, cancellationToken);

    /// <summary>Whether the image was built or loaded here, so that no registry knows it in this form.</summary>
    public Task<bool> WasMadeHereAsync(Digest root, CancellationToken cancellationToken) => ReadAsync(database =>
    {
        using Statement row = database.Use("""
            SELECT 1 FROM journal WHERE target = ?1 AND cause IN ('build', 'load')
              AND NOT EXISTS(SELECT 1 FROM repository_digests WHERE digest = ?1)
            UNION ALL
            SELECT 1 FROM variants v JOIN manifest_layers m ON m.manifest = v.manifest JOIN build_records r ON r.layer = m.diff_id
            WHERE v.root = ?1 AND m.blob = m.diff_id
            """);
        return row.Bind(1, root).Step();
    }, cancellationToken);

    /// <summary>
    /// A form of the layer with this diffID that an image here has, held by <paramref name="lease"/>; null when there is none of
    /// the type.
    /// </summary>
    public Task<Descriptor?> FindLayerAsync(Digest diffId, string mediaType, StoreLease lease, CancellationToken cancellationToken) => WriteAsync(database =>
    {
        using Statement row = database.Use("""
            SELECT m.blob, m.size FROM manifest_layers m JOIN blobs b ON b.digest = m.blob
            WHERE m.diff_id = ?1 AND m.media_type = ?2 AND (b.pending IS NULL OR b.pending = ?3) LIMIT 1
            """);
        if (!row.Bind(1, diffId).Bind(2, mediaType).Bind(3, ProcessIdentity.CurrentBootId).Step())
        {
            return null;
        }

        Mica.Store.Leases.Hold(database, lease.Id, row.Digest(0));
        return new Descriptor { MediaType = mediaType, Digest = row.Digest(0), Size = row.Long(1) };
    }, cancellationToken, durable: false);

    /// <inheritdoc/>
    public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) =>
        new(ReadAsync(database => ImageLookup.Resolve(database, reference), cancellationToken));

    /// <inheritdoc/>
    public ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) => Blobs.OpenAsync(descriptor, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Blobs.Open(descriptor, offset));
    }

    /// <inheritdoc/>
    public ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        ExistsAsync(descriptor, _own.Value, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken) =>
        new(Blobs.WriteAsync(expected, content, _own.Value, cancellationToken));

    /// <summary>As <see cref="StoreLease.TagAsync"/>.</summary>
    public async ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken) =>
        await Commits.CommitAsync(descriptor, ImageReference.Parse(tag), "tag", _own.Value, cancellationToken);

    /// <summary>All images, newest first.</summary>
    public Task<ImmutableArray<StoredImage>> ListAsync(CancellationToken cancellationToken) =>
        ReadAsync(ImageQueries.List, cancellationToken);

    /// <summary>
    /// The image that <paramref name="image"/> means: a name (<c>latest</c> when it says no tag), <c>repository@digest</c>, an
    /// ID or the beginning of one, or the digest of a manifest or index. Null when there is none.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: the beginning of several IDs.</exception>
    public Task<StoredImage?> FindAsync(string image, CancellationToken cancellationToken) =>
        ReadAsync(database => ImageLookup.Find(database, image) is { } match ? ImageQueries.Get(database, match.Root) : null, cancellationToken);

    /// <summary>The image that <paramref name="image"/> means, in full; of its variants the one for <paramref name="platform"/>, or the primary one.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no such image, or not for that platform.</exception>
    public Task<ImageDetails> InspectAsync(string image, Platform? platform, CancellationToken cancellationToken) =>
        ImageInspection.InspectAsync(_layout, _catalog, Blobs, image, platform, cancellationToken);

    /// <summary>The history of an image, newest row first, each with the layer that it made.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no such image, or not for that platform.</exception>
    public async Task<ImmutableArray<HistoryRow>> HistoryAsync(string image, Platform? platform, CancellationToken cancellationToken) =>
        (await InspectAsync(image, platform, cancellationToken)).History;

    /// <summary>What the images take.</summary>
    public Task<DiskUsage> DiskUsageAsync(CancellationToken cancellationToken) => ReadAsync(DiskUsageQuery.Run, cancellationToken);

    /// <summary>Makes <paramref name="target"/> stand for what <paramref name="image"/> means.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no such image.</exception>
    public Task<NameMove> TagAsync(string image, ImageReference target, CancellationToken cancellationToken) =>
        WriteAsync(database =>
        {
            if (target.Digest is not null)
            {
                throw new MicaException(ErrorKind.InvalidArgument, "refusing to create a tag with a digest reference");
            }

            return NameJournal.Assign(database, target, ImageLookup.Get(database, image).Root, "tag", _options);
        }, cancellationToken);

    /// <summary>The moves of <paramref name="name"/>, newest first; of all names when it is null.</summary>
    public Task<ImmutableArray<JournalEntry>> JournalAsync(ImageReference? name, CancellationToken cancellationToken) =>
        ReadAsync(database => NameJournal.Read(database, name?.WithDefaultTag().ToString()), cancellationToken);

    /// <summary>Takes back the last move of <paramref name="name"/>; once more, the one before.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no move, or its image is gone.</exception>
    public Task<NameMove> UndoAsync(ImageReference name, CancellationToken cancellationToken) =>
        WriteAsync(database => NameJournal.Undo(database, name.WithDefaultTag(), _options), cancellationToken);

    /// <summary>
    /// Makes <paramref name="repository"/>, such as <c>docker.io/library/debian</c>, known to hold the image's root under its
    /// digest: after a push or a pull.
    /// </summary>
    public Task AddRepositoryDigestAsync(string repository, Digest root, CancellationToken cancellationToken) =>
        WriteAsync(database => NameJournal.RecordDigest(database, repository, root), cancellationToken);

    /// <summary>
    /// Removes a name, and with its last one the image; or, by ID or digest, an image with its names. What other images, a
    /// lease or a container need stays.
    /// </summary>
    /// <param name="image">As for <see cref="FindAsync"/>.</param>
    /// <param name="force">Even if it has names in several repositories, or a stopped container uses it.</param>
    /// <param name="cancellationToken">Cancels while nothing has been changed.</param>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: no such image. <see cref="ErrorKind.Conflict"/>, with docker's words: in use, or it
    /// must be forced.
    /// </exception>
    public Task<RemovalReport> RemoveAsync(string image, bool force, CancellationToken cancellationToken) =>
        RemoveAsync(removal => removal.Remove(image, force), cancellationToken);

    /// <summary>
    /// Removes the images that <paramref name="options"/> select, and whatever no image needs: content of pulls that were
    /// given up, leftovers of killed processes.
    /// </summary>
    public async Task<RemovalReport> PruneAsync(ImagePruneOptions options, CancellationToken cancellationToken)
    {
        RemovalReport report = await RemoveAsync(removal => removal.Prune(options), cancellationToken);
        return report with
        {
            FreedBytes = report.FreedBytes + await Task.Run(() => StoreErrors.Guard(Root, _leftovers.CleanAll), cancellationToken),
        };
    }

    /// <summary>
    /// Reads and hashes every blob, looks at every unpacked layer and at what images and names need, and tells everything
    /// that is wrong; repairs it if told to. The store may be in use meanwhile.
    /// </summary>
    public async Task<StoreCheckReport> CheckAsync(
        StoreCheckOptions check, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        await using StoreLease lease = await LeaseAsync("check", cancellationToken);
        var repair = new LayerRepair(_layout, _catalog, Blobs, _disposal, Layers, _options);
        var run = new StoreCheck(_layout, _catalog, _disposal, repair, check, progress);
        return await StoreErrors.GuardAsync(Root, () => run.RunAsync(lease.Id, cancellationToken));
    }

    /// <summary>Takes note that the image is used now.</summary>
    public Task TouchAsync(Digest root, CancellationToken cancellationToken) =>
        WriteAsync(database =>
        {
            using Statement update = database.Use("UPDATE roots SET used = max(used, ?2) WHERE digest = ?1");
            return update.Bind(1, root).Bind(2, _options.Time.GetUtcNow()).Run();
        }, cancellationToken, durable: false);

    /// <summary>
    /// Brings the store's <c>index.json</c> up to date, for other tools that read the directory. Closing the store does it too;
    /// a process that keeps one open for long does it now and then.
    /// </summary>
    public Task UpdateLayoutAsync(CancellationToken cancellationToken) => _index.UpdateAsync(cancellationToken);

    private string MakeDirectory(string path)
    {
        const UnixFileMode Passable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        return StoreErrors.Guard(Root, () => Directory.CreateDirectory(path, Passable)).FullName;
    }

    /// <summary>Ends what was held without a lease of its own, and brings <c>index.json</c> up to date.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        try
        {
            if (_own.IsValueCreated)
            {
                Leases.End(_own.Value);
            }

            await _index.UpdateAsync(CancellationToken.None);
        }
        catch (Exception failure) when (failure is IOException or MicaException)
        {
            // A full disk: the change itself is safe in the catalog, and whoever closes the store next catches up.
        }
        finally
        {
            Leases.Dispose();
            _catalog.Dispose();
        }
    }

    internal ValueTask<bool> ExistsAsync(Descriptor descriptor, long lease, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Blobs.Hold(descriptor.Digest, lease));
    }

    internal Task<T> WriteAsync<T>(Func<Database, T> write, CancellationToken cancellationToken, bool durable = true)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            return Task.FromResult(_catalog.Write(write, durable));
        }
        catch (Exception failure)
        {
            return Task.FromException<T>(failure);
        }
    }

    private long BeginLease(string purpose, TimeSpan? lifetime) =>
        StoreErrors.Guard(Root, () => _cleaned.Value ? Leases.Begin(purpose, lifetime) : 0);

    private bool Clean()
    {
        try
        {
            _leftovers.Clean();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Leftovers that cannot be removed are no reason to refuse the work at hand; a prune tells about them.
        }

        return true;
    }

    private Task<RemovalReport> RemoveAsync(Action<ImageRemoval> remove, CancellationToken cancellationToken) => Task.Run(() =>
    {
        Leases.RemoveDead();
        (RemovalReport report, ContentSweep sweep) = _catalog.Write(database =>
        {
            var removal = new ImageRemoval(database, _options);
            remove(removal);
            return (removal.Report(), removal.Sweep);
        }, durable: true);
        _options.Failpoint?.Invoke("rows deleted");
        return report with { FreedBytes = StoreErrors.Guard(Root, () => _disposal.Dispose(sweep)) };
    }, cancellationToken);

    /// <summary>Deletes what <paramref name="release"/> no longer needs, as far as nothing else does.</summary>
    internal Task<RemovalReport> SweepAsync(Func<Database, IEnumerable<Digest>> release, CancellationToken cancellationToken) => Task.Run(() =>
    {
        Leases.RemoveDead();
        ContentSweep sweep = _catalog.Write(database =>
        {
            IEnumerable<Digest> released = release(database);
            var content = new ContentSweep(database);
            content.Sweep(released);
            content.SweepLayers(released);
            return content;
        }, durable: true);
        return RemovalReport.Empty with { FreedBytes = StoreErrors.Guard(Root, () => _disposal.Dispose(sweep)) };
    }, cancellationToken);

    internal Task<T> ReadAsync<T>(Func<Database, T> read, CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            return Task.FromResult(_catalog.Read(read));
        }
        catch (Exception failure)
        {
            return Task.FromException<T>(failure);
        }
    }
}
