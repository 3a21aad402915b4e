using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Collection;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.Tests.RegistryServer.Storage;

/// <summary>What every metadata database does, with all statements that the registry has for it.</summary>
public abstract class MetadataContract : IAsyncLifetime
{
    private protected MetadataDatabase Database { get; private set; } = null!;

    /// <summary>Another replica's view of the same database; the same object where there can be but one.</summary>
    private protected MetadataDatabase Other { get; private set; } = null!;

    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Opens an empty database, or opens the same one again.</summary>
    private protected abstract Task<MetadataDatabase> OpenAsync();

    public virtual async ValueTask InitializeAsync()
    {
        Database = await OpenAsync();
        Other = Database.IsExclusive ? Database : await OpenAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (Other is not null && Other != Database)
        {
            await Other.DisposeAsync();
        }

        if (Database is not null)
        {
            await Database.DisposeAsync();
        }
    }

    private static Digest D(string content) => Digest.Of(System.Text.Encoding.UTF8.GetBytes(content));

    private Task<T> WriteAsync<T>(Func<SqlSession, ValueTask<T>> work) => Database.WriteAsync(work, Token);

    private Task<T> ReadAsync<T>(Func<SqlSession, ValueTask<T>> work) => Other.ReadAsync(work, Token);

    private static StoredManifest Manifest(string content) => new()
    {
        Digest = D(content),
        MediaType = MediaTypes.OciManifest,
        Content = System.Text.Encoding.UTF8.GetBytes(content),
    };

    private static ManifestLinks Links(
        string? artifactType = null, Digest? subject = null, string? annotations = null, ImmutableArray<Digest>? blobs = null, ImmutableArray<Digest>? manifests = null) =>
        new(artifactType, subject, annotations, blobs ?? [], manifests ?? []);

    [Fact]
    public async Task Open_WhatIsThere_Stays()
    {
        await WriteAsync(session => RepositoryRows.EnsureAsync(session, "kept", 1));

        if (Database.IsExclusive)
        {
            await Database.DisposeAsync();
        }

        await using MetadataDatabase again = await OpenAsync();

        Assert.NotNull(await again.ReadAsync(session => RepositoryRows.FindAsync(session, "kept"), Token));
    }

    [Fact]
    public async Task Write_WorkThrows_ChangesNothing()
    {
        long before = Database.Generation;

        await Assert.ThrowsAsync<RefusedException>(() => WriteAsync<int>(async session =>
        {
            await RepositoryRows.EnsureAsync(session, "a", 1);
            throw new RefusedException(ErrorCode.Denied, "no");
        }));

        Assert.Null(await ReadAsync(session => RepositoryRows.FindAsync(session, "a")));
        Assert.Equal(before, Database.Generation);
    }

    [Fact]
    public async Task Write_Committed_RaisesGeneration()
    {
        long before = Database.Generation;

        await WriteAsync(session => RepositoryRows.EnsureAsync(session, "a", 1));

        Assert.True(Database.Generation > before);
    }

    [Fact]
    public async Task Write_Cancelled_ChangesNothing()
    {
        using var cancel = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Database.WriteAsync<int>(
            async session =>
            {
                await RepositoryRows.EnsureAsync(session, "a", 1);
                await cancel.CancelAsync();
                session.CancellationToken.ThrowIfCancellationRequested();
                return 0;
            },
            cancel.Token));

        Assert.Null(await ReadAsync(session => RepositoryRows.FindAsync(session, "a")));
    }

    [Fact]
    public async Task Write_ManyReadThenWrite_LosesNone()
    {
        async Task CountAsync(MetadataDatabase database)
        {
            for (int round = 0; round < 15; round++)
            {
                await database.WriteAsync(
                    async session =>
                    {
                        long number = await session.NumberAsync("SELECT number FROM settings WHERE name = 'freed'");
                        await session.RunAsync("UPDATE settings SET number = $1 WHERE name = 'freed'", number + 1);
                    },
                    Token);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(() => CountAsync(writer % 2 == 0 ? Database : Other))));

        Assert.Equal(8 * 15, await ReadAsync(session => session.NumberAsync("SELECT number FROM settings WHERE name = 'freed'")));
    }

    [Fact]
    public async Task Write_EachLooksThenAdds_OnlyOneAdds()
    {
        Task AddIfNoneAsync(MetadataDatabase database, long round, string name) => database.WriteAsync(
            async session =>
            {
                // Neither writes what the other one reads: only serializable transactions see this.
                if (await session.NumberAsync("SELECT COUNT(*) FROM repositories WHERE created = $1", round) == 0)
                {
                    await session.RunAsync("INSERT INTO repositories (name, created) VALUES ($1, $2)", name, round);
                }
            },
            Token);

        for (long round = 1; round <= 10; round++)
        {
            await Task.WhenAll(AddIfNoneAsync(Database, round, $"a{round}"), AddIfNoneAsync(Other, round, $"b{round}"));
        }

        Assert.Equal(10, await ReadAsync(session => session.NumberAsync("SELECT COUNT(*) FROM repositories")));
    }

    [Fact]
    public async Task Repositories_List_IsOrderedByBytesAndPaged()
    {
        string[] names = ["a", "a-b", "a.b", "a/b", "a0", "a_b", "ab", "b"];
        foreach (string name in names.Reverse())
        {
            await WriteAsync(async session =>
            {
                long id = await RepositoryRows.EnsureAsync(session, name, 1);
                Assert.Equal(id, await RepositoryRows.EnsureAsync(session, name, 2));
                await ManifestRows.PutAsync(session, id, Manifest("m"), Links(), 1);
                return id;
            });
        }

        await WriteAsync(session => RepositoryRows.EnsureAsync(session, "empty", 1));

        List<string> all = await ReadAsync(session => RepositoryRows.ListAsync(session, "", 100));
        List<string> page = await ReadAsync(session => RepositoryRows.ListAsync(session, "a.b", 2));

        Assert.Equal(names.Order(StringComparer.Ordinal), all);
        Assert.Equal(["a/b", "a0"], page);
    }

    [Fact]
    public async Task Blobs_AddLinkFindUnlink()
    {
        Digest digest = D("blob");
        long id = await WriteAsync(session => RepositoryRows.EnsureAsync(session, "r", 1));
        string key = await WriteAsync(async session =>
        {
            string kept = await BlobRows.AddAsync(session, digest, 4, "key-1", 10);
            await BlobRows.LinkAsync(session, id, digest, 100);
            await BlobRows.LinkAsync(session, id, digest, 50);
            return kept;
        });
        string second = await WriteAsync(session => BlobRows.AddAsync(session, digest, 4, "key-2", 11));

        StoredBlob? found = await ReadAsync(session => BlobRows.FindAsync(session, "r", digest));
        List<string> owners = await ReadAsync(session => BlobRows.RepositoriesAsync(session, digest));
        Digest? missing = await ReadAsync(session => BlobRows.MissingAsync(session, id, [digest, D("other")]));
        bool unlinked = await WriteAsync(session => BlobRows.UnlinkAsync(session, "r", digest));
        bool again = await WriteAsync(session => BlobRows.UnlinkAsync(session, "r", digest));

        Assert.Equal("key-1", key);
        Assert.Equal("key-1", second);
        Assert.Equal(new StoredBlob(digest, 4, "key-1", 100), found);
        Assert.Equal(["r"], owners);
        Assert.Equal(D("other"), missing);
        Assert.True(unlinked);
        Assert.False(again);
        Assert.Null(await ReadAsync(session => BlobRows.FindAsync(session, "r", digest)));
    }

    [Fact]
    public async Task Blobs_AddWhereDoomed_GetsOtherBytes()
    {
        Digest digest = D("blob");
        await WriteAsync(session => BlobRows.AddAsync(session, digest, 4, "old", 1));
        await WriteAsync(session => session.RunAsync("UPDATE blobs SET doomed = 1 WHERE digest = $1", digest.ToString()));

        string key = await WriteAsync(session => BlobRows.AddAsync(session, digest, 4, "new", 2));

        Assert.Equal("new", key);
        Assert.Equal(0, await ReadAsync(session => session.NumberAsync("SELECT doomed FROM blobs WHERE digest = $1", digest.ToString())));
    }

    [Fact]
    public async Task Manifests_PutFindReferrersPulledRemove()
    {
        StoredManifest image = Manifest("image");
        StoredManifest signature = Manifest("signature");
        StoredManifest bill = Manifest("bill");
        await WriteAsync(async session =>
        {
            long id = await RepositoryRows.EnsureAsync(session, "r", 1);
            await ManifestRows.PutAsync(session, id, image, Links(blobs: [D("layer")]), 5);
            await ManifestRows.PutAsync(session, id, image with { MediaType = MediaTypes.DockerManifest }, Links(blobs: [D("layer")]), 6);
            await ManifestRows.PutAsync(session, id, signature, Links("sig", image.Digest, """{"a":"b"}"""), 7);
            await ManifestRows.PutAsync(session, id, bill, Links("sbom", image.Digest), 8);
            await ManifestRows.PutAsync(session, id, Manifest("index"), Links(manifests: [image.Digest]), 9);
            await TagRows.MoveAsync(session, id, "r", "t", image.Digest, "me", 10);
            return id;
        });

        StoredManifest? byDigest = await ReadAsync(session => ManifestRows.FindAsync(session, "r", image.Digest));
        StoredManifest? byTag = await ReadAsync(session => ManifestRows.FindAsync(session, "r", "t"));
        List<Referrer> all = await ReadAsync(session => ManifestRows.ReferrersAsync(session, "r", image.Digest, null, "", 10));
        List<Referrer> signatures = await ReadAsync(session => ManifestRows.ReferrersAsync(session, "r", image.Digest, "sig", "", 10));
        List<Referrer> behind = await ReadAsync(session => ManifestRows.ReferrersAsync(session, "r", image.Digest, null, all[0].Digest.ToString(), 10));
        int pulled = await WriteAsync(session => ManifestRows.PulledAsync(session, "r", image.Digest, 3, 20));
        bool removed = await WriteAsync(async session =>
            await ManifestRows.RemoveAsync(session, (await RepositoryRows.FindAsync(session, "r"))!.Value, bill.Digest));

        Assert.Equal(image.Content.ToArray(), byDigest!.Content.ToArray());
        Assert.Equal(MediaTypes.OciManifest, byTag!.MediaType);
        Assert.Equal(new[] { signature.Digest, bill.Digest }.OrderBy(digest => digest.ToString(), StringComparer.Ordinal), all.Select(entry => entry.Digest));
        Assert.Equal("""{"a":"b"}""", Assert.Single(signatures).Annotations);
        Assert.Equal(all[1..], behind);
        Assert.Equal(1, pulled);
        Assert.True(removed);
        Assert.Equal(3, await ReadAsync(session => session.NumberAsync("SELECT pulls FROM manifests WHERE digest = $1", image.Digest.ToString())));
        Assert.Null(await ReadAsync(session => ManifestRows.FindAsync(session, "r", "none")));
    }

    [Fact]
    public async Task Tags_MoveRemoveListJournal()
    {
        string[] tags = ["1.10", "1.9", "A", "_", "a", "a-1", "a.1", "b"];
        StoredManifest first = Manifest("first");
        StoredManifest second = Manifest("second");
        long id = await WriteAsync(async session =>
        {
            long made = await RepositoryRows.EnsureAsync(session, "r", 1);
            await ManifestRows.PutAsync(session, made, first, Links(), 1);
            await ManifestRows.PutAsync(session, made, second, Links(), 1);
            foreach (string tag in tags)
            {
                await TagRows.MoveAsync(session, made, "r", tag, first.Digest, "me", 2);
            }

            return made;
        });
        Digest? was = await WriteAsync(session => TagRows.MoveAsync(session, id, "r", "a", second.Digest, "you", 3));
        await WriteAsync(session => TagRows.MoveAsync(session, id, "r", "a", second.Digest, "you", 4));
        Digest? gone = await WriteAsync(session => TagRows.RemoveAsync(session, id, "r", "b", "you", 5));

        List<string> listed = await ReadAsync(session => TagRows.ListAsync(session, id, "", 100));
        List<string> page = await ReadAsync(session => TagRows.ListAsync(session, id, "A", 2));
        List<TagMove> moves = await ReadAsync(session => TagRows.JournalAsync(session, "r", "a", long.MaxValue, 10));
        List<TagMove> all = await ReadAsync(session => TagRows.JournalAsync(session, "r", null, long.MaxValue, 100));
        List<TagMove> older = await ReadAsync(session => TagRows.JournalAsync(session, "r", null, all[1].Id, 100));

        Assert.Equal(first.Digest, was);
        Assert.Equal(first.Digest, gone);
        Assert.Equal(tags.Where(tag => tag != "b").Order(StringComparer.Ordinal), listed);
        Assert.Equal(["_", "a"], page);
        Assert.Equal(["you", "me"], moves.Select(move => move.Who));
        Assert.Equal(first.Digest, moves[0].Was);
        Assert.Equal(second.Digest, moves[0].Became);
        Assert.Null(all[0].Became);
        Assert.Equal(tags.Length + 2, all.Count);
        Assert.Equal(all[2..], older);
        Assert.Equal(["a"], await ReadAsync(session => TagRows.OfAsync(session, id, second.Digest)));
    }

    [Fact]
    public async Task Uploads_GrowOnlyFromTheirSize()
    {
        var upload = new Upload("id", "r", "me", 0, null);
        await WriteAsync(session => UploadRows.AddAsync(session, upload, 5));
        bool[] grown = await Task.WhenAll(
            Database.WriteAsync(session => UploadRows.GrowAsync(session, upload with { Size = 10, State = "{}" }, 0, 6), Token),
            Other.WriteAsync(session => UploadRows.GrowAsync(session, upload with { Size = 10, State = "{}" }, 0, 6), Token));

        Upload? found = await ReadAsync(session => UploadRows.FindAsync(session, "r", "id"));
        List<Upload> abandoned = await ReadAsync(session => UploadRows.AbandonedAsync(session, 7, 10));
        bool wrong = await WriteAsync(session => UploadRows.RemoveAsync(session, "id", 9));
        bool right = await WriteAsync(session => UploadRows.RemoveAsync(session, "id", 10));

        Assert.Equal([false, true], grown.Order());
        Assert.Equal(upload with { Size = 10, State = "{}" }, found);
        Assert.Equal(found, Assert.Single(abandoned));
        Assert.Empty(await ReadAsync(session => UploadRows.AbandonedAsync(session, 6, 10)));
        Assert.False(wrong);
        Assert.True(right);
        Assert.False(await ReadAsync(session => UploadRows.ExistsAsync(session, "id")));
        Assert.False(await WriteAsync(session => UploadRows.RemoveAsync(session, "id")));
    }

    [Fact]
    public async Task Quota_CountsEachBlobOnce()
    {
        await WriteAsync(async session =>
        {
            foreach (string name in (string[])["team", "team/a", "team/b", "teams"])
            {
                long id = await RepositoryRows.EnsureAsync(session, name, 1);
                foreach (string blob in (string[])["shared", name])
                {
                    await BlobRows.AddAsync(session, D(blob), blob.Length, blob, 1);
                    await BlobRows.LinkAsync(session, id, D(blob), 1);
                }
            }

            return 0;
        });

        Assert.Equal("shared".Length + "team".Length + "team/a".Length + "team/b".Length, await ReadAsync(session => Quota.UsedAsync(session, "team")));
        Assert.Equal(0, await ReadAsync(session => Quota.UsedAsync(session, "nobody")));
        var quotas = ImmutableSortedDictionary<string, long>.Empty.Add("team", 21);
        await Assert.ThrowsAsync<RefusedException>(() => ReadAsync<int>(async session =>
        {
            await Quota.CheckAsync(session, quotas, "team/a");
            return 0;
        }));
    }

    [Fact]
    public async Task Collector_RemovesWhatNothingNeeds_AndKeepsTheRest()
    {
        string directory = Directory.CreateTempSubdirectory("mica-metadata-").FullName;
        try
        {
            var storage = new FileBlobStorage(directory);
            var time = TimeProvider.System;
            var limits = new RegistryLimits { Lease = TimeSpan.Zero, Grace = TimeSpan.Zero };
            var store = new ManifestStore(Database, limits, new TagRules([]), time);
            var uploads = new Uploads(Database, storage, limits with { Lease = TimeSpan.FromHours(1) }, time);
            byte[] layer = [1, 2, 3];
            byte[] other = [4, 5];
            foreach (byte[] blob in (byte[][])[layer, other])
            {
                Upload upload = await uploads.StartAsync("r", "me", null, Token);
                await uploads.CompleteAsync("r", upload.Id, Digest.Of(blob), null, blob.Length, new MemoryStream(blob), Token);
            }

            await uploads.StartAsync("r", "me", null, Token);
            StoredManifest manifest = ImageOf(layer);
            await store.PutAsync("r", manifest, ["t"], "me", isSparse: false, Token);
            await WriteAsync(session => session.RunAsync("UPDATE repository_blobs SET leased = 0, due = 0"));
            await Task.Delay(5, Token);
            var collector = new Collector(Other, storage, limits, time);

            CollectionReport first = await collector.RunAsync(Token);
            ImmutableArray<string> why = await ReadAsync(session => BlobExplanation.OfAsync(session, Digest.Of(layer), limits, 0));
            await store.RemoveTagAsync("r", "t", "me", Token);
            await Task.Delay(5, Token);
            CollectionReport second = await collector.RunAsync(Token);

            Assert.Equal(new CollectionReport { Uploads = 1, Blobs = 1, Bytes = 2 }, first);
            Assert.Contains("tag t", Assert.Single(why), StringComparison.Ordinal);
            Assert.Equal(new CollectionReport { Manifests = 1, Blobs = 1, Bytes = 3, Repositories = 1 }, second);
            Assert.Equal(5, await ReadAsync(session => session.NumberAsync("SELECT number FROM settings WHERE name = 'freed'")));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task ManifestStore_UndoMovesTagBack()
    {
        var store = new ManifestStore(Database, new RegistryLimits(), new TagRules([]), TimeProvider.System);
        StoredManifest first = Manifest("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}""") with { MediaType = MediaTypes.OciIndex };
        StoredManifest second = Manifest("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests": []}""") with { MediaType = MediaTypes.OciIndex };
        await store.PutAsync("r", first, ["t"], "me", isSparse: false, Token);
        await store.PutAsync("r", second, ["t"], "me", isSparse: false, Token);

        TagMove undone = await store.UndoAsync("r", "t", null, "you", Token);

        Assert.Equal(first.Digest, undone.Became);
        Assert.Equal(first.Digest, (await store.FindAsync("r", "t", Token))!.Digest);
    }

    [Fact]
    public async Task Retention_RemovesWhatNoRuleKeeps()
    {
        var store = new ManifestStore(Database, new RegistryLimits(), new TagRules([]), TimeProvider.System);
        StoredManifest index = Manifest("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}""") with { MediaType = MediaTypes.OciIndex };
        foreach (string tag in (string[])["a", "keep", "b", "c"])
        {
            await store.PutAsync("r", index, [tag], "me", isSparse: false, Token);
            await Task.Delay(2, Token);
        }

        var rule = new RetentionRule { Repositories = ["r"], KeepTags = ["keep"], KeepLast = 1, KeepUntagged = TimeSpan.Zero };
        var retention = new Retention(Database, [rule], new TagRules([]), TimeProvider.System);
        var removed = new List<string>();
        await foreach (RetentionDecision decision in retention.RunAsync(isTrial: false, Token))
        {
            removed.AddRange(decision.IsKept ? [] : [decision.Tag]);
        }

        await retention.ForgetUntaggedAsync(Token);
        Assert.Equal(["a", "b"], removed.Order());
    }

    [Fact]
    public async Task PullLog_WritesWhatWasPulled()
    {
        await WriteAsync(async session =>
        {
            await ManifestRows.PutAsync(session, await RepositoryRows.EnsureAsync(session, "r", 1), Manifest("m"), Links(), 1);
            return 0;
        });
        var log = new PullLog(Database, TimeProvider.System);
        log.Add("r", D("m"));
        log.Add("r", D("m"));

        await log.WriteAsync(Token);

        Assert.Equal(2, await ReadAsync(session => session.NumberAsync("SELECT pulls FROM manifests")));
    }

    private static StoredManifest ImageOf(byte[] layer)
    {
        string text = $$"""
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{Digest.Of(layer)}}","size":{{layer.Length}}},
            "layers":[]}
            """;
        return Manifest(text);
    }
}
