using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Content that was written in this boot and not yet forced to the disk. One pull writes many files; they are forced
/// together, before a name stands for them.
/// </summary>
internal sealed class PendingContent
{
    private readonly List<Digest> _blobs = [];
    private readonly List<Digest> _layers = [];

    /// <summary>What is pending now; what comes later is not this object's.</summary>
    public static PendingContent Read(Database database)
    {
        var pending = new PendingContent();
        Collect(database, "SELECT digest FROM blobs WHERE pending IS NOT NULL", pending._blobs);
        Collect(database, "SELECT diff_id FROM layers WHERE pending IS NOT NULL", pending._layers);
        return pending;
    }

    /// <summary>Forces it to the disk.</summary>
    public void Force(StoreLayout layout)
    {
        if (_blobs.Count + _layers.Count > 0)
        {
            DiskSync.Force(layout.Root, [.. _blobs.Select(layout.Blob)], hasTrees: _layers.Count > 0);
        }
    }

    /// <summary>Takes note that it is there for good.</summary>
    public void Settle(Database database)
    {
        foreach (Digest blob in _blobs)
        {
            using Statement update = database.Use("UPDATE blobs SET pending = NULL WHERE digest = ?1");
            update.Bind(1, blob).Run();
        }

        foreach (Digest layer in _layers)
        {
            using Statement update = database.Use("UPDATE layers SET pending = NULL WHERE diff_id = ?1");
            update.Bind(1, layer).Run();
        }
    }

    private static void Collect(Database database, string sql, List<Digest> digests)
    {
        using Statement statement = database.Use(sql);
        while (statement.Step())
        {
            digests.Add(statement.Digest(0));
        }
    }
}
