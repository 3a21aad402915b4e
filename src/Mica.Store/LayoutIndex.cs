using System.Collections.Immutable;
using System.Globalization;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>
/// The store's <c>index.json</c>: every image with its names, for other tools, and for a new catalog should this one be lost.
/// It is written when a store is closed, not with every change: one file names all images, and writing it takes longer than a
/// change of one name does when there are thousands. The catalog counts the changes, so that one that was missed, because
/// the process was killed, is caught up with by whoever closes the store next.
/// </summary>
internal sealed class LayoutIndex(StoreLayout layout, Catalog catalog, StoreOptions options)
{
    /// <summary>Annotation of the OCI image-spec; here the name in full.</summary>
    public const string RefName = "org.opencontainers.image.ref.name";

    /// <summary>When the name came to stand for the image, RFC 3339.</summary>
    public const string Tagged = "io.mica.tagged";

    /// <summary>The repositories known to hold the image under its digest, separated by spaces.</summary>
    public const string Repositories = "io.mica.repositories";

    /// <summary>Writes the file anew if names were changed since it was written.</summary>
    public async Task UpdateAsync(CancellationToken cancellationToken)
    {
        if (!catalog.Read(IsBehind))
        {
            return;
        }

        using KeyLock held = await KeyLock.AcquireAsync(layout.IndexLock, cancellationToken);
        (long count, ImageIndex index) = catalog.Read(database =>
            (Count(database, "names"), new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = Entries(database) }));
        string temporary = layout.Index + ".new";
        using (SafeFileHandle file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(file, index.ToJson(), 0);
            RandomAccess.FlushToDisk(file);
        }

        options.Failpoint?.Invoke("index written");
        File.Move(temporary, layout.Index, overwrite: true);
        catalog.Write(database =>
        {
            using Statement update = database.Use("UPDATE counters SET value = ?1 WHERE name = 'layout'");
            update.Bind(1, count).Run();
        });
    }

    private static bool IsBehind(Database database) => Count(database, "names") != Count(database, "layout");

    private static long Count(Database database, string name)
    {
        using Statement row = database.Use("SELECT value FROM counters WHERE name = ?1");
        return row.Bind(1, name).Step() ? row.Long(0) : 0;
    }

    private static ImmutableArray<Descriptor> Entries(Database database) =>
    [
        .. from image in ImageQueries.List(database).OrderBy(image => image.Root.Digest.ToString(), StringComparer.Ordinal)
           from name in image.Names.IsEmpty ? [null] : image.Names.Select(name => (StoredName?)name)
           select image.Root with { Annotations = Annotations(image, name) },
    ];

    private static ImmutableSortedDictionary<string, string>? Annotations(StoredImage image, StoredName? name)
    {
        var annotations = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        if (name is not null)
        {
            annotations[RefName] = name.Name;
            annotations[Tagged] = name.Tagged.ToString("O", CultureInfo.InvariantCulture);
        }

        if (!image.Repositories.IsEmpty)
        {
            annotations[Repositories] = string.Join(' ', image.Repositories);
        }

        return annotations.Count == 0 ? null : annotations.ToImmutable();
    }
}
