namespace Mica.Store;

/// <summary>
/// The tables of the catalog. Digests are text, so that <c>sqlite3 catalog.db</c> can be read by people; times are UTC
/// ticks of 100 ns.
/// </summary>
internal static class CatalogSchema
{
    /// <summary>"Mica" in the header of the file, so that another program's database is not taken for a catalog.</summary>
    public const int ApplicationId = 0x4D696361;

    /// <summary>Raised with every change below, together with a step that brings the former version here.</summary>
    public const int Version = 4;

    /// <summary>
    /// Results of build steps, by the digest of what went into them. A layer that was built has one digest, as blob and as tree;
    /// null: the step changed nothing. The slot is the step's place in its Dockerfile, so that two builds can be compared.
    /// </summary>
    private const string BuildRecords = """
        CREATE TABLE build_records(
          key TEXT PRIMARY KEY, slot TEXT NOT NULL, description TEXT NOT NULL, inputs TEXT NOT NULL, layer TEXT,
          created INTEGER NOT NULL, used INTEGER NOT NULL, uses INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX build_records_slot ON build_records(slot, used);
        CREATE INDEX build_records_layer ON build_records(layer);

        """;

    /// <summary>
    /// Further keys of a record, from what is known without looking at files: that COPY takes a path of a stage, say, whose
    /// layers are these.
    /// </summary>
    private const string BuildAliases = """
        CREATE TABLE build_aliases(alias TEXT PRIMARY KEY, key TEXT NOT NULL) WITHOUT ROWID;
        CREATE INDEX build_aliases_key ON build_aliases(key);

        """;

    /// <summary>
    /// Containers, volumes and networks, as JSON of their owners: what was asked for, and how it is now. Events are what happened
    /// to them, the last thousands.
    /// </summary>
    private const string Objects = """
        CREATE TABLE objects(
          kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL, definition TEXT NOT NULL, state TEXT NOT NULL,
          PRIMARY KEY(kind, id)) WITHOUT ROWID;
        CREATE UNIQUE INDEX objects_name ON objects(kind, name);
        CREATE TABLE events(sequence INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, event TEXT NOT NULL);

        """;

    /// <summary>What brings version n to n + 1, at n.</summary>
    public static readonly string[] Upgrades = ["", BuildRecords, BuildAliases, Objects];

    /// <summary>Creates everything, in one transaction.</summary>
    public const string Create = """
        BEGIN IMMEDIATE;

        -- Content in blobs/. Pending: the boot in which the file was written and not yet forced to the disk.
        CREATE TABLE blobs(
          digest TEXT PRIMARY KEY, size INTEGER NOT NULL, media_type TEXT NOT NULL,
          created INTEGER NOT NULL, used INTEGER NOT NULL, pending TEXT) WITHOUT ROWID;
        CREATE INDEX blobs_pending ON blobs(pending) WHERE pending IS NOT NULL;

        -- Unpacked layers in layers/, by diffID. Entries are those of the tar; form and hides_lower, what a mount must know.
        CREATE TABLE layers(
          diff_id TEXT PRIMARY KEY, blob TEXT NOT NULL, bytes INTEGER NOT NULL, entries INTEGER NOT NULL,
          form TEXT NOT NULL, hides_lower INTEGER NOT NULL, created INTEGER NOT NULL, pending TEXT) WITHOUT ROWID;
        CREATE INDEX layers_pending ON layers(pending) WHERE pending IS NOT NULL;

        -- What a document that is here refers to; the child may be absent.
        CREATE TABLE edges(parent TEXT NOT NULL, child TEXT NOT NULL, PRIMARY KEY(parent, child)) WITHOUT ROWID;
        CREATE INDEX edges_child ON edges(child, parent);

        -- Manifests of images that are here with their config and all their layers. The config's digest is the image ID.
        CREATE TABLE manifests(
          digest TEXT PRIMARY KEY, config TEXT NOT NULL, platform TEXT NOT NULL, created INTEGER, size INTEGER NOT NULL,
          labels TEXT) WITHOUT ROWID;
        CREATE INDEX manifests_config ON manifests(config);
        CREATE TABLE manifest_layers(
          manifest TEXT NOT NULL, position INTEGER NOT NULL, blob TEXT NOT NULL, media_type TEXT NOT NULL,
          size INTEGER NOT NULL, diff_id TEXT NOT NULL, chain_id TEXT NOT NULL,
          PRIMARY KEY(manifest, position)) WITHOUT ROWID;
        CREATE INDEX manifest_layers_diff ON manifest_layers(diff_id);
        CREATE INDEX manifest_layers_blob ON manifest_layers(blob);
        CREATE INDEX manifest_layers_chain ON manifest_layers(chain_id);

        -- What the user calls an image: the manifest or index that a name stands for, or stood for. Its size counts a chain
        -- once. The primary manifest is the one that suits this machine best of those that are here.
        CREATE TABLE roots(
          digest TEXT PRIMARY KEY, media_type TEXT NOT NULL, document_size INTEGER NOT NULL, primary_manifest TEXT,
          size INTEGER NOT NULL, added INTEGER NOT NULL, used INTEGER NOT NULL, tagged INTEGER,
          retained INTEGER) WITHOUT ROWID;
        CREATE TABLE variants(
          root TEXT NOT NULL, position INTEGER NOT NULL, manifest TEXT NOT NULL, media_type TEXT NOT NULL,
          size INTEGER NOT NULL, platform TEXT, PRIMARY KEY(root, position)) WITHOUT ROWID;
        CREATE INDEX variants_manifest ON variants(manifest);

        CREATE TABLE names(
          name TEXT PRIMARY KEY, repository TEXT NOT NULL, target TEXT NOT NULL, moved INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX names_target ON names(target);
        CREATE INDEX names_repository ON names(repository);
        CREATE TABLE repository_digests(
          repository TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY(repository, digest)) WITHOUT ROWID;
        CREATE INDEX repository_digests_digest ON repository_digests(digest);

        -- Append-only: every move of every name.
        CREATE TABLE journal(
          sequence INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at INTEGER NOT NULL,
          source TEXT, target TEXT, cause TEXT NOT NULL, undoes INTEGER);
        CREATE INDEX journal_name ON journal(name, sequence);

        -- A slot is a file that its owner keeps locked; a lease whose slot is not locked has no owner any more.
        CREATE TABLE leases(id INTEGER PRIMARY KEY AUTOINCREMENT, slot INTEGER NOT NULL, purpose TEXT NOT NULL,
          pid INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER);
        CREATE TABLE lease_items(
          lease INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY(lease, digest)) WITHOUT ROWID;
        CREATE INDEX lease_items_digest ON lease_items(digest);

        CREATE TABLE container_uses(
          container TEXT NOT NULL, manifest TEXT NOT NULL, running INTEGER NOT NULL,
          PRIMARY KEY(container, manifest)) WITHOUT ROWID;
        CREATE INDEX container_uses_manifest ON container_uses(manifest);

        -- Counts the changes of names; index.json tells which of them it shows.
        CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO counters VALUES('names', 0), ('layout', 0);

        """ + BuildRecords + BuildAliases + Objects + """
        PRAGMA application_id = 1298752353;
        PRAGMA user_version = 4;
        COMMIT;
        """;
}
