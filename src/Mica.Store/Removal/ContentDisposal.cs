using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Removes files whose rows are gone. Each goes under the lock of its digest, after a look whether its row came back
/// meanwhile: another process may have fetched the same content again. What a kill leaves behind, the next prune finds.
/// </summary>
internal sealed class ContentDisposal(StoreLayout layout, Catalog catalog, StoreOptions options)
{
    /// <summary>Removes what the sweep deleted; the bytes that were freed.</summary>
    public long Dispose(ContentSweep sweep)
    {
        long freed = 0;
        foreach ((Digest digest, long size) in sweep.Blobs)
        {
            options.Failpoint?.Invoke("blob deleting");
            freed += RemoveBlob(digest) ? size : 0;
        }

        foreach ((Digest diffId, long size) in sweep.Layers)
        {
            options.Failpoint?.Invoke("layer deleting");
            freed += TrashLayer(diffId) ? size : 0;
        }

        EmptyTrash();
        return freed;
    }

    /// <summary>Removes the blob unless it has a row, or somebody is about to give it one. Whether there was one to remove.</summary>
    public bool RemoveBlob(Digest digest)
    {
        using KeyLock? held = KeyLock.TryAcquire(layout.BlobLock(digest));
        string path = layout.Blob(digest);
        if (held is null || !File.Exists(path) || HasRow("SELECT 1 FROM blobs WHERE digest = ?1", digest))
        {
            return false;
        }

        File.Delete(path);
        return true;
    }

    /// <summary>Moves the layer out of sight unless it has a row, or somebody is about to give it one.</summary>
    public bool TrashLayer(Digest diffId)
    {
        using KeyLock? held = KeyLock.TryAcquire(layout.LayerLock(diffId));
        if (held is null || HasRow("SELECT 1 FROM layers WHERE diff_id = ?1", diffId))
        {
            return false;
        }

        MoveToTrash(layout.Layer(diffId));
        return true;
    }

    /// <summary>Moves a directory out of sight; the removal, which takes long, is for later.</summary>
    public void MoveToTrash(string directory)
    {
        for (int number = 0; Directory.Exists(directory); number++)
        {
            try
            {
                Directory.Move(directory, Path.Join(layout.Trash, $"{Path.GetFileName(directory)}-{number}"));
                return;
            }
            catch (IOException) when (Directory.Exists(Path.Join(layout.Trash, $"{Path.GetFileName(directory)}-{number}")))
            {
            }
        }
    }

    /// <summary>Removes what lies in the trash, whoever put it there; the bytes that were freed.</summary>
    public long EmptyTrash()
    {
        long freed = 0;
        foreach (string entry in Directory.EnumerateFileSystemEntries(layout.Trash))
        {
            options.Failpoint?.Invoke("trash removing");
            freed += LinuxFileSystem.RemoveTree(entry).Bytes;
        }

        return freed;
    }

    private bool HasRow(string sql, Digest digest) => catalog.Read(database =>
    {
        using Statement row = database.Use(sql);
        return row.Bind(1, digest).Step();
    });
}
