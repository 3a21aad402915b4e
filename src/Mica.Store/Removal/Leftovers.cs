using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Removes what killed processes and power failures left behind. None of it was ever visible.</summary>
internal sealed class Leftovers(StoreLayout layout, Catalog catalog, ContentDisposal disposal, TimeProvider time)
{
    /// <summary>How long a part of a blob is kept for a pull that goes on with it.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromDays(7);

    /// <summary>Removes what is certainly of no use: cheap, and done before something new comes in.</summary>
    public void Clean()
    {
        RemoveUnsettled();
        RemoveUnpacking();
        RemoveWorkspaces();
        RemovePartials(time.GetUtcNow() - s_patience);
        foreach (string path in Directory.EnumerateFiles(layout.Locks))
        {
            // Taking the lock and giving it back removes the file.
            KeyLock.TryAcquire(path)?.Dispose();
        }

        disposal.EmptyTrash();
    }

    /// <summary>Removes what somebody might still have a use for, too: parts of blobs, and files without rows. The bytes that were freed.</summary>
    public long CleanAll()
    {
        long freed = RemovePartials(DateTimeOffset.MaxValue);
        foreach ((string path, Digest digest) in layout.ListBlobs())
        {
            long size = SizeOf(new FileInfo(path));
            freed += catalog.Read(database => IsUnknown(database, "SELECT 1 FROM blobs WHERE digest = ?1", digest))
                && disposal.RemoveBlob(digest) ? size : 0;
        }

        foreach ((_, Digest diffId) in layout.ListLayers())
        {
            if (catalog.Read(database => IsUnknown(database, "SELECT 1 FROM layers WHERE diff_id = ?1", diffId)))
            {
                disposal.TrashLayer(diffId);
            }
        }

        return freed + disposal.EmptyTrash();
    }

    /// <summary>Another process may have removed the file since it was listed.</summary>
    private static long SizeOf(FileInfo file)
    {
        try
        {
            return file.Length;
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }

    private static bool IsUnknown(Database database, string sql, Digest digest)
    {
        using Statement row = database.Use(sql);
        return !row.Bind(1, digest).Step();
    }

    /// <summary>Content that was not on the disk yet when the machine went down may be damaged. No image needs it yet.</summary>
    private void RemoveUnsettled()
    {
        const string Blobs = "SELECT digest FROM blobs WHERE pending IS NOT NULL AND pending <> ?1";
        const string Layers = "SELECT diff_id FROM layers WHERE pending IS NOT NULL AND pending <> ?1";
        List<Digest> blobs = catalog.Read(database => Column(database, Blobs));
        List<Digest> layers = catalog.Read(database => Column(database, Layers));
        if (blobs.Count + layers.Count == 0)
        {
            return;
        }

        catalog.Write(database =>
        {
            foreach ((string sql, List<Digest> digests) in new[]
            {
                ("DELETE FROM blobs WHERE digest = ?1 AND pending <> ?2", blobs), ("DELETE FROM layers WHERE diff_id = ?1 AND pending <> ?2", layers),
            })
            {
                foreach (Digest digest in digests)
                {
                    using Statement delete = database.Use(sql);
                    delete.Bind(1, digest).Bind(2, ProcessIdentity.CurrentBootId).Run();
                }
            }
        }, durable: true);
        blobs.ForEach(digest => disposal.RemoveBlob(digest));
        layers.ForEach(diffId => disposal.TrashLayer(diffId));
    }

    private static List<Digest> Column(Database database, string sql)
    {
        var digests = new List<Digest>();
        using Statement rows = database.Use(sql);
        rows.Bind(1, ProcessIdentity.CurrentBootId);
        while (rows.Step())
        {
            digests.Add(rows.Digest(0));
        }

        return digests;
    }

    private void RemoveUnpacking()
    {
        foreach (string path in Directory.EnumerateDirectories(layout.Unpacking))
        {
            if (StoreLayout.TryParseKey(Path.GetFileName(path), out Digest blob))
            {
                using KeyLock? held = KeyLock.TryAcquire(layout.BlobLock(blob));
                if (held is not null)
                {
                    disposal.MoveToTrash(path);
                }
            }
        }
    }

    private void RemoveWorkspaces()
    {
        // Stores of the first version have no such directory.
        Directory.CreateDirectory(layout.Workspaces);
        foreach (string path in Directory.EnumerateDirectories(layout.Workspaces))
        {
            using KeyLock? held = KeyLock.TryAcquire(layout.WorkspaceLock(Path.GetFileName(path)));
            if (held is not null)
            {
                disposal.MoveToTrash(path);
            }
        }
    }

    private long RemovePartials(DateTimeOffset before)
    {
        long freed = 0;
        foreach (FileInfo file in new DirectoryInfo(layout.Partials).EnumerateFiles())
        {
            if (file.LastWriteTimeUtc < before && StoreLayout.TryParseKey(file.Name, out Digest blob))
            {
                using KeyLock? held = KeyLock.TryAcquire(layout.BlobLock(blob));
                if (held is not null)
                {
                    freed += SizeOf(file);
                    file.Delete();
                }
            }
        }

        return freed;
    }
}
