using Mica.Oci;

namespace Mica.Store;

/// <summary>Makes a store of an empty directory, whoever else is at it at the same time.</summary>
internal static class StoreCreation
{
    public static async Task<Catalog> CreateAsync(StoreLayout layout, StoreOptions options, CancellationToken cancellationToken)
    {
        RefuseForeign(layout);
        layout.Create();
        using KeyLock held = await KeyLock.AcquireAsync(layout.Lock, cancellationToken);
        if (Catalog.TryOpen(layout.Catalog, options) is { } other)
        {
            return other;
        }

        WriteMarker(layout.Marker, """{"imageLayoutVersion":"1.0.0"}""");
        WriteMarker(layout.Index, """{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}""");
        return Catalog.Create(layout.Catalog, options);
    }

    private static void RefuseForeign(StoreLayout layout)
    {
        if (File.Exists(layout.Root))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{layout.Root}: not a directory");
        }

        if (!Directory.Exists(layout.Root))
        {
            return;
        }

        // A kill while the store is made leaves some of what Create makes, and no blobs.
        string[] ours = ["blobs", "layers", "ingest", "build", "trash", "ballast", "oci-layout", "index.json"];
        if (Directory.EnumerateFileSystemEntries(layout.Root).Select(entry => Path.GetFileName(entry))
            .Any(name => !ours.Contains(name.Replace(".new", "", StringComparison.Ordinal)) && !name.StartsWith("catalog.db", StringComparison.Ordinal)))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{layout.Root}: not a mica store, and not empty");
        }

        if (Directory.Exists(layout.Blobs) && Directory.EnumerateFiles(layout.Blobs, "*", SearchOption.AllDirectories).Any())
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"{layout.Root}: the catalog is missing; 'mica store check --rebuild' makes a new one from the blobs");
        }
    }

    private static void WriteMarker(string path, string content)
    {
        string temporary = path + ".new";
        File.WriteAllText(temporary, content);
        File.Move(temporary, path, overwrite: true);
    }
}
