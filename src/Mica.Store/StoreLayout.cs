using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// The directories of a store. Its root is an OCI image layout: <c>oci-layout</c>, <c>index.json</c> and <c>blobs/</c> hold
/// what image-layout.md says, and other tools may read them. Everything else is ours:
/// <list type="bullet">
/// <item><c>catalog.db</c>: names, images, layers, leases;</item>
/// <item><c>layers/ALG/HEX/fs</c>: the tree of the layer with that diffID, beside <c>layer.json</c>, which describes it;</item>
/// <item><c>ingest/partial/ALG-HEX</c>: a blob on its way;</item>
/// <item><c>ingest/unpack/ALG-HEX</c>: the tree of that blob on its way;</item>
/// <item><c>ingest/build/KEY</c>: what a build under way makes;</item>
/// <item><c>build/</c>: what builds keep besides their layers: cache mounts, digests of contexts;</item>
/// <item><c>containers/ID/</c>: what a container changes (<c>upper</c>), its log and its files of /etc;</item>
/// <item><c>volumes/NAME/_data</c>: the files of a volume;</item>
/// <item><c>ingest/locks/</c>: who writes or deletes a blob or a layer holds the lock of its digest;</item>
/// <item><c>ingest/slots/N</c>: locked by a process that holds leases;</item>
/// <item><c>trash/</c>: what is deleted already, except for its removal;</item>
/// <item><c>ballast</c>: room for the catalog on a disk that is full, so that something can be removed.</item>
/// </list>
/// </summary>
internal sealed class StoreLayout(string root)
{
    private static readonly string[] s_directories = ["blobs/sha256", "layers/sha256", "ingest/partial", "ingest/unpack", "ingest/build", "ingest/locks", "ingest/slots", "build", "trash"];

    public string Root { get; } = Path.GetFullPath(root);

    public string Catalog => Path.Join(Root, "catalog.db");

    public string Ballast => Path.Join(Root, "ballast");

    public string Marker => Path.Join(Root, "oci-layout");

    public string Index => Path.Join(Root, "index.json");

    public string Blobs => Path.Join(Root, "blobs");

    public string Layers => Path.Join(Root, "layers");

    public string Locks => Path.Join(Root, "ingest/locks");

    public string Partials => Path.Join(Root, "ingest/partial");

    public string Unpacking => Path.Join(Root, "ingest/unpack");

    /// <summary>What builds under way make; each in a directory of its own, whose lock it holds.</summary>
    public string Workspaces => Path.Join(Root, "ingest/build");

    /// <summary>What builds keep.</summary>
    public string Build => Path.Join(Root, "build");

    /// <summary>A directory for each container.</summary>
    public string Containers => Path.Join(Root, "containers");

    /// <summary>A directory for each volume.</summary>
    public string Volumes => Path.Join(Root, "volumes");

    public string Slots => Path.Join(Root, "ingest/slots");

    public string Trash => Path.Join(Root, "trash");

    /// <summary>Held while the store is made or rebuilt.</summary>
    public string Lock => Path.Join(Locks, "store");

    /// <summary>Held while <c>index.json</c> is written.</summary>
    public string IndexLock => Path.Join(Locks, "index");

    public string Blob(Digest digest) => Path.Join(Blobs, digest.Algorithm, digest.Hex);

    public string Layer(Digest diffId) => Path.Join(Layers, diffId.Algorithm, diffId.Hex);

    public string LayerTree(Digest diffId) => Path.Join(Layer(diffId), "fs");

    public string Partial(Digest digest) => Path.Join(Partials, Key(digest));

    public string Unpack(Digest blob) => Path.Join(Unpacking, Key(blob));

    public string BlobLock(Digest digest) => Path.Join(Locks, "blob-" + Key(digest));

    public string LayerLock(Digest diffId) => Path.Join(Locks, "layer-" + Key(diffId));

    public string WorkspaceLock(string key) => Path.Join(Locks, "build-" + key);

    public string Slot(long number) => Path.Join(Slots, number.ToString(null, null));

    /// <summary>The files in <c>blobs/</c>, whether the catalog knows them or not.</summary>
    public IEnumerable<(string Path, Digest Digest)> ListBlobs() => List(Blobs);

    /// <summary>The directories in <c>layers/</c>, whether the catalog knows them or not.</summary>
    public IEnumerable<(string Path, Digest DiffId)> ListLayers() => List(Layers);

    /// <summary>The digest whose file in <c>ingest/</c> is called so.</summary>
    public static bool TryParseKey(string name, out Digest digest) => Digest.TryParse(name.Replace('-', ':'), out digest);

    /// <summary>Makes the directories, for the owner only.</summary>
    public void Create()
    {
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(Root, OwnerOnly);
        foreach (string directory in s_directories)
        {
            Directory.CreateDirectory(Path.Join(Root, directory), OwnerOnly);
        }
    }

    private static IEnumerable<(string Path, Digest Digest)> List(string directory)
    {
        foreach (string algorithm in Directory.EnumerateDirectories(directory))
        {
            foreach (string path in Directory.EnumerateFileSystemEntries(algorithm))
            {
                if (Digest.TryParse($"{Path.GetFileName(algorithm)}:{Path.GetFileName(path)}", out Digest digest))
                {
                    yield return (path, digest);
                }
            }
        }
    }

    private static string Key(Digest digest) => $"{digest.Algorithm}-{digest.Hex}";
}
