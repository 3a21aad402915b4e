using Mica.Oci;

namespace Mica.RegistryServer.Metadata;

/// <summary>
/// The tables. What a repository has is <c>repository_blobs</c>, <c>manifests</c> and <c>tags</c>; <c>edges</c> says what a
/// manifest needs, so that what nothing needs any more is found by a query. A blob's bytes are stored once, under the key in
/// <c>blobs</c>, however many repositories have it.
/// </summary>
internal static class MetadataSchema
{
    private const long Version = 1;

    public static async Task CreateAsync(MetadataDatabase database, CancellationToken cancellationToken)
    {
        long version = await database.WriteAsync(
            async session =>
            {
                await session.RunAsync("CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, number BIGINT NOT NULL, text TEXT)");
                long found = await session.NumberAsync("SELECT number FROM settings WHERE name = 'schema'");
                if (found == 0)
                {
                    foreach (string statement in Statements(database.Dialect))
                    {
                        await session.RunAsync(statement);
                    }

                    await session.RunAsync("INSERT INTO settings (name, number) VALUES ('schema', $1), ('freed', 0)", Version);
                    found = Version;
                }

                return found;
            },
            cancellationToken);
        if (version != Version)
        {
            throw new MicaException(ErrorKind.Unsupported, $"the registry's metadata has version {version}; this mica knows {Version}");
        }
    }

    private static string[] Statements(SqlDialect dialect) =>
    [
        $"""
        CREATE TABLE repositories (
          id {dialect.Identity},
          name {dialect.OrderedText} NOT NULL UNIQUE,
          created BIGINT NOT NULL,
          proxied BIGINT NOT NULL DEFAULT 0)
        """,

        // doomed: the bytes are about to be removed; nobody may link the blob any more. damaged: the bytes are not what they
        // were; the blob counts as not there until it is pushed again.
        """
        CREATE TABLE blobs (
          digest TEXT PRIMARY KEY,
          size BIGINT NOT NULL,
          storage_key TEXT NOT NULL,
          created BIGINT NOT NULL,
          checked BIGINT NOT NULL DEFAULT 0,
          due BIGINT NOT NULL DEFAULT 0,
          doomed BIGINT NOT NULL DEFAULT 0,
          damaged BIGINT NOT NULL DEFAULT 0)
        """,
        "CREATE INDEX blobs_storage_key ON blobs (storage_key)",
        "CREATE INDEX blobs_damaged ON blobs (damaged) WHERE damaged = 1",
        "CREATE INDEX blobs_checked ON blobs (checked)",
        "CREATE INDEX blobs_doomed ON blobs (doomed) WHERE doomed = 1",
        "CREATE INDEX blobs_due ON blobs (due)",

        // due, in three tables: when the collector is to look at the row next. What may change its mind sets it to 0.
        // leased: until then the blob stays although no manifest needs it yet.
        """
        CREATE TABLE repository_blobs (
          repository BIGINT NOT NULL REFERENCES repositories,
          digest TEXT NOT NULL REFERENCES blobs,
          leased BIGINT NOT NULL,
          due BIGINT NOT NULL DEFAULT 0,
          PRIMARY KEY (repository, digest))
        """,
        "CREATE INDEX repository_blobs_digest ON repository_blobs (digest)",
        "CREATE INDEX repository_blobs_due ON repository_blobs (due)",

        // untagged: since when no tag stands for it; 0 while one does. It stays for a grace time after that.
        $"""
        CREATE TABLE manifests (
          repository BIGINT NOT NULL REFERENCES repositories,
          digest TEXT NOT NULL,
          media_type TEXT NOT NULL,
          size BIGINT NOT NULL,
          artifact_type TEXT,
          subject TEXT,
          annotations TEXT,
          pushed BIGINT NOT NULL,
          untagged BIGINT NOT NULL,
          due BIGINT NOT NULL DEFAULT 0,
          pulled BIGINT NOT NULL DEFAULT 0,
          pulls BIGINT NOT NULL DEFAULT 0,
          damaged BIGINT NOT NULL DEFAULT 0,
          content {dialect.Bytes} NOT NULL,
          PRIMARY KEY (repository, digest))
        """,
        "CREATE INDEX manifests_subject ON manifests (repository, subject, digest)",
        "CREATE INDEX manifests_digest ON manifests (digest)",
        "CREATE INDEX manifests_due ON manifests (due)",
        """
        CREATE TABLE edges (
          repository BIGINT NOT NULL,
          manifest TEXT NOT NULL,
          target TEXT NOT NULL,
          is_manifest BIGINT NOT NULL,
          PRIMARY KEY (repository, manifest, target),
          FOREIGN KEY (repository, manifest) REFERENCES manifests ON DELETE CASCADE)
        """,
        "CREATE INDEX edges_target ON edges (repository, target)",
        $"""
        CREATE TABLE tags (
          repository BIGINT NOT NULL REFERENCES repositories,
          name {dialect.OrderedText} NOT NULL,
          digest TEXT NOT NULL,
          moved BIGINT NOT NULL,
          checked BIGINT NOT NULL DEFAULT 0,
          PRIMARY KEY (repository, name),
          FOREIGN KEY (repository, digest) REFERENCES manifests)
        """,
        "CREATE INDEX tags_digest ON tags (repository, digest)",

        // By the repository's name: a journal outlives its repository.
        $"""
        CREATE TABLE journal (
          id {dialect.Identity},
          repository TEXT NOT NULL,
          tag TEXT NOT NULL,
          moved BIGINT NOT NULL,
          who TEXT NOT NULL,
          was TEXT,
          became TEXT)
        """,
        "CREATE INDEX journal_tag ON journal (repository, tag, id)",
        "CREATE INDEX journal_repository ON journal (repository, id)",
        "CREATE INDEX journal_moved ON journal (moved)",
        """
        CREATE TABLE uploads (
          id TEXT PRIMARY KEY,
          repository TEXT NOT NULL,
          who TEXT NOT NULL,
          started BIGINT NOT NULL,
          touched BIGINT NOT NULL,
          size BIGINT NOT NULL,
          state TEXT)
        """,
        "CREATE INDEX uploads_touched ON uploads (touched)",
        $"""
        CREATE TABLE robots (
          name {dialect.OrderedText} PRIMARY KEY,
          secret_hash TEXT NOT NULL,
          repositories TEXT NOT NULL,
          rights BIGINT NOT NULL,
          created BIGINT NOT NULL,
          expires BIGINT NOT NULL DEFAULT 0,
          last_used BIGINT NOT NULL DEFAULT 0)
        """,

        // What happened, as receivers are told it; and who is still to be told. An event's row is written with what it tells of.
        $"""
        CREATE TABLE events (
          id {dialect.Identity},
          uid TEXT NOT NULL,
          kind TEXT NOT NULL,
          repository TEXT NOT NULL,
          created BIGINT NOT NULL,
          body TEXT NOT NULL)
        """,
        "CREATE INDEX events_created ON events (created)",
        """
        CREATE TABLE deliveries (
          receiver TEXT NOT NULL,
          repository TEXT NOT NULL,
          event BIGINT NOT NULL REFERENCES events,
          queued BIGINT NOT NULL,
          due BIGINT NOT NULL,
          attempts BIGINT NOT NULL DEFAULT 0,
          claimed BIGINT NOT NULL DEFAULT 0,
          PRIMARY KEY (receiver, repository, event))
        """,
        "CREATE INDEX deliveries_event ON deliveries (event)",
        "CREATE INDEX deliveries_due ON deliveries (receiver, due)",

        // For the web page: the newest tags of a repository, and tags by their beginnings.
        "CREATE INDEX tags_moved ON tags (repository, moved, name)",
        "CREATE INDEX tags_name ON tags (name)",
    ];
}
