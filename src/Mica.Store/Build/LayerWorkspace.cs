using Mica.Layers;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// A directory of the store in which a build makes layers. What lies in it is nobody's until it has become a layer; it goes
/// when the workspace is disposed, or, after a kill, with the next change of the store. Safe for concurrent use.
/// </summary>
public sealed class LayerWorkspace : IAsyncDisposable
{
    private readonly ImageStore _store;
    private readonly StoreLayout _layout;
    private readonly Catalog _catalog;
    private readonly ContentDisposal _disposal;
    private readonly StoreOptions _options;
    private readonly StoreLease _lease;
    private readonly KeyLock _lock;
    private int _number;

    internal LayerWorkspace(
        ImageStore store, StoreLayout layout, Catalog catalog, ContentDisposal disposal, StoreOptions options, StoreLease lease)
    {
        _store = store;
        _layout = layout;
        _catalog = catalog;
        _disposal = disposal;
        _options = options;
        _lease = lease;
        (_lock, Path) = StoreErrors.Guard(layout.Root, Begin);
    }

    /// <summary>The directory, on the file system of the store's layers.</summary>
    public string Path { get; }

    /// <summary>The trees of layers and what must be known to put them together.</summary>
    public static WhiteoutForm WhiteoutForm => LayerForm.Options.WhiteoutForm;

    /// <summary>How archives become trees here.</summary>
    public static LayerApplyOptions ApplyOptions => LayerForm.Options;

    /// <summary>Makes a directory of its own, for the owner only.</summary>
    public string NewDirectory(string name)
    {
        string path = System.IO.Path.Join(Path, $"{name}-{Interlocked.Increment(ref _number)}");
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        return StoreErrors.Guard(_layout.Root, () => Directory.CreateDirectory(path, OwnerOnly)).FullName;
    }

    /// <summary>
    /// Makes a layer of what a step left in the upper directory of an overlay. The directory becomes the layer's tree and is
    /// gone from where it was. Null: nothing was changed.
    /// </summary>
    public Task<CreatedLayer?> AddTreeAsync(string upper, LayerDiffOptions options, CancellationToken cancellationToken) => Task.Run(async () =>
    {
        LayerDiff? diff = null;
        (string blob, Digest digest, long size) = WriteBlob(archive =>
        {
            using DirectoryHandle directory = DirectoryHandle.Open(upper);
            diff = LayerDiffer.Write(directory, archive, options, cancellationToken);
        }, options.Latest is { } latest ? new UnixTime(latest.Seconds, (int)latest.Nanoseconds) : null);
        if (diff!.Entries == 0)
        {
            return null;
        }

        string staging = NewDirectory("layer");
        Directory.Move(upper, System.IO.Path.Join(staging, "fs"));
        var applied = new AppliedLayer
        {
            ContentBytes = diff.ContentBytes,
            Entries = diff.Entries,
            ImpliedDirectories = [],
            HidesLowerLayers = false,
            Notices = diff.Notices,
        };
        return (CreatedLayer?)await CommitAsync(blob, staging, new UnpackedLayer(applied, digest, size, LayerCompression.None), cancellationToken);
    }, cancellationToken);

    /// <summary>
    /// Makes a layer of an archive that <paramref name="write"/> writes, and unpacks it. Times later than <paramref name="latest"/>
    /// are set back to it; null leaves them as they are.
    /// </summary>
    public Task<CreatedLayer> AddArchiveAsync(Action<TarWriter> write, UnixTime? latest, CancellationToken cancellationToken) => Task.Run(async () =>
    {
        (string blob, _, _) = WriteBlob(write, latest);
        string staging = NewDirectory("layer");
        string tree = System.IO.Path.Join(staging, "fs");
        Directory.CreateDirectory(tree);
        UnpackedLayer unpacked;
        using (var target = DirectoryHandle.Open(tree))
        {
            await using var archive = new FileStream(blob, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            unpacked = await LayerUnpacker.UnpackAsync(archive, target, _options.LayerOptions, UnpackThreads.One, null, cancellationToken);
        }

        return await CommitAsync(blob, staging, unpacked, cancellationToken);
    }, cancellationToken);

    /// <summary>Unpacks an archive that <paramref name="write"/> writes into a directory of its own, which is no layer.</summary>
    public Task<string> UnpackAsync(string name, Action<TarWriter> write, CancellationToken cancellationToken) => Task.Run(() =>
    {
        string directory = NewDirectory(name);
        using FileStream file = File.Create(directory + ".tar", 1 << 20, FileOptions.DeleteOnClose);
        var archive = new TarWriter(file);
        write(archive);
        archive.Finish();
        file.Position = 0;
        using var target = DirectoryHandle.Open(directory);
        LayerApplier.Apply(new TarReader(file), target, _options.LayerOptions, cancellationToken);
        return directory;
    }, cancellationToken);

    /// <summary>Removes the directory and what is left in it.</summary>
    public ValueTask DisposeAsync()
    {
        try
        {
            _disposal.MoveToTrash(Path);
            _disposal.EmptyTrash();
        }
        catch (IOException)
        {
            // It is found again by the next one who cleans up.
        }
        finally
        {
            _lock.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>The first directory whose lock is free; what a killed build left in it goes.</summary>
    private (KeyLock Held, string Path) Begin()
    {
        for (int number = 0; ; number++)
        {
            string key = number.ToString(null, null);
            if (KeyLock.TryAcquire(_layout.WorkspaceLock(key)) is { } held)
            {
                string path = System.IO.Path.Join(_layout.Workspaces, key);
                _disposal.MoveToTrash(path);
                Directory.CreateDirectory(path);
                return (held, path);
            }
        }
    }

    private (string Path, Digest Digest, long Size) WriteBlob(Action<TarWriter> write, UnixTime? latest)
    {
        string path = System.IO.Path.Join(Path, $"blob-{Interlocked.Increment(ref _number)}");
        using var file = new HashedFile(path, _layout.Root);
        var archive = new TarWriter(file) { Latest = latest };
        write(archive);
        archive.Finish();
        Digest digest = file.Finish();
        return (path, digest, file.Length);
    }

    private async Task<CreatedLayer> CommitAsync(string blob, string staging, UnpackedLayer unpacked, CancellationToken cancellationToken)
    {
        var layer = new CreatedLayer(unpacked.DiffId, unpacked.TarBytes, unpacked.Applied.ContentBytes, unpacked.Applied.Notices);
        using KeyLock blobLock = await KeyLock.AcquireAsync(_layout.BlobLock(layer.DiffId), cancellationToken);
        using KeyLock layerLock = await KeyLock.AcquireAsync(_layout.LayerLock(layer.DiffId), cancellationToken);
        StoreErrors.Guard(_layout.Root, () => Publish(blob, staging, layer, unpacked));
        return layer;
    }

    /// <summary>Makes blob and tree visible, unless they are there, then records them.</summary>
    private void Publish(string blob, string staging, CreatedLayer layer, UnpackedLayer unpacked)
    {
        bool hasBlob = _store.Blobs.Hold(layer.DiffId, _lease.Id);
        bool hasTree = LayerRows.Hold(_layout, _catalog, layer.DiffId, _lease.Id);
        LayerDescription description = LayerDescription.Of(layer.Descriptor, unpacked);
        if (!hasBlob)
        {
            File.Move(blob, _layout.Blob(layer.DiffId), overwrite: true);
        }

        if (!hasTree)
        {
            description.Write(staging);
            _disposal.MoveToTrash(_layout.Layer(layer.DiffId));
            Directory.Move(staging, _layout.Layer(layer.DiffId));
        }

        _catalog.Write(database =>
        {
            if (!hasBlob)
            {
                _store.Blobs.Record(database, layer.Descriptor, _lease.Id);
            }

            if (!hasTree)
            {
                LayerRows.Record(database, layer.DiffId, description, _options.Time.GetUtcNow(), ProcessIdentity.CurrentBootId);
                Leases.Hold(database, _lease.Id, layer.DiffId);
            }
        });
    }
}
