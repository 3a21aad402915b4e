using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Rows of unpacked layers.</summary>
internal static class LayerRows
{
    /// <summary>Records the layer; the sizes of images that have it follow.</summary>
    public static void Record(Database database, Digest diffId, LayerDescription description, DateTimeOffset now, string? pending)
    {
        using (Statement insert = database.Use("""
            INSERT OR REPLACE INTO layers(diff_id, blob, bytes, entries, form, hides_lower, created, pending)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            """))
        {
            insert.Bind(1, diffId).Bind(2, description.Blob).Bind(3, description.Bytes).Bind(4, description.Entries)
                .Bind(5, description.Form).Bind(6, description.HidesLowerLayers ? 1 : 0).Bind(7, now).Bind(8, pending).Run();
        }

        ImageRows.Resize(database, diffId);
    }

    /// <summary>Whether the layer is here, unpacked; <paramref name="lease"/> holds it then.</summary>
    public static bool Hold(StoreLayout layout, Catalog catalog, Digest diffId, long lease) =>
        Directory.Exists(layout.Layer(diffId)) && catalog.Write(database =>
        {
            using Statement row = database.Use("SELECT 1 FROM layers WHERE diff_id = ?1 AND (pending IS NULL OR pending = ?2)");
            if (!row.Bind(1, diffId).Bind(2, ProcessIdentity.CurrentBootId).Step())
            {
                return false;
            }

            Leases.Hold(database, lease, diffId);
            return true;
        });

    /// <summary>Removes the row; the sizes of images that have the layer follow.</summary>
    public static void Remove(Database database, Digest diffId)
    {
        using (Statement delete = database.Use("DELETE FROM layers WHERE diff_id = ?1"))
        {
            delete.Bind(1, diffId).Run();
        }

        ImageRows.Resize(database, diffId);
    }
}
