using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Store;

public sealed class ImageRemovalTests : IDisposable
{
    private readonly StoreDirectory _directory = new();
    private readonly MemoryContent _content = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Remove_LastName_DeletesTheImageButNotWhatOthersShare()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor one = TestImages.Add(_content, ["base", "one"]);
        await StoreDirectory.AddAsync(store, _content, one, "one");
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["base", "two"]), "two");
        ImageDetails details = await store.InspectAsync("one", null, Token);
        long before = BlobBytes(store);

        RemovalReport report = await store.RemoveAsync("one", force: false, Token);

        Assert.Equal([new Untagged("one:latest"), new Deleted(details.Variant.Id!.Value), new Deleted(details.Layers[1].ChainId)], report.Entries);
        Assert.Equal(before - BlobBytes(store), report.FreedBytes);
        Assert.Equal(one.Size + details.Manifest.Config.Size + details.Layers[1].Blob.Size, report.FreedBytes);
        Assert.Equal(2, (await store.InspectAsync("two", null, Token)).Layers.Length);
        Assert.Equal(4, Directory.GetFiles(Path.Join(store.Root, "blobs/sha256")).Length);
    }

    [Fact]
    public async Task Remove_OneNameOfTwo_OnlyUntags()
    {
        await using ImageStore store = await _directory.OpenAsync();
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["a"]), "one");
        await store.TagAsync("one", ImageReference.Parse("two"), Token);

        RemovalReport report = await store.RemoveAsync("one", force: false, Token);

        Assert.Equal([new Untagged("one:latest")], report.Entries);
        Assert.Equal(0, report.FreedBytes);
        Assert.NotNull(await store.FindAsync("two", Token));
    }

    [Fact]
    public async Task Remove_LastTagOfARepository_TakesItsDigestsAlong()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor image = TestImages.Add(_content, ["a"]);
        await StoreDirectory.AddAsync(store, _content, image, "one");
        await store.AddRepositoryDigestAsync("docker.io/library/one", image.Digest, Token);

        RemovalReport report = await store.RemoveAsync("one", force: false, Token);

        Assert.Equal([new Untagged("one:latest"), new Untagged($"one@{image.Digest}")], report.Entries.Take(2));
        Assert.Empty(await store.ListAsync(Token));
    }

    [Fact]
    public async Task Remove_ByDigestReference_RemovesAnImageWithoutTags()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor image = TestImages.Add(_content, ["a"]);
        await StoreDirectory.AddAsync(store, _content, image, $"one@{image.Digest}");

        RemovalReport report = await store.RemoveAsync($"one@{image.Digest}", force: false, Token);

        Assert.Equal(new Untagged($"one@{image.Digest}"), report.Entries[0]);
        Assert.Empty(await store.ListAsync(Token));
        Assert.Empty(Directory.GetFiles(Path.Join(store.Root, "blobs/sha256")));
    }

    [Fact]
    public async Task Remove_ByIdWithNamesInTwoRepositories_MustBeForced()
    {
        await using ImageStore store = await _directory.OpenAsync();
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["a"]), "one");
        await store.TagAsync("one", ImageReference.Parse("two"), Token);
        Digest id = (await store.FindAsync("one", Token))!.Id;

        MicaException refused = await Assert.ThrowsAsync<MicaException>(() => store.RemoveAsync(id.Short, force: false, Token));
        RemovalReport report = await store.RemoveAsync(id.Short, force: true, Token);

        Assert.Equal($"conflict: unable to delete {id.Short} (must be forced) - image is referenced in multiple repositories", refused.Message);
        Assert.Equal(ErrorKind.Conflict, refused.Kind);
        Assert.Equal([new Untagged("one:latest"), new Untagged("two:latest"), new Deleted(id)], report.Entries.Take(3));
    }

    [Fact]
    public async Task Remove_ByIdWithOneTagAndItsDigest_NeedsNoForce()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor image = TestImages.Add(_content, ["a"]);
        await StoreDirectory.AddAsync(store, _content, image, "one");
        await store.AddRepositoryDigestAsync("docker.io/library/one", image.Digest, Token);

        await store.RemoveAsync((await store.FindAsync("one", Token))!.Id.ToString(), force: false, Token);

        Assert.Empty(await store.ListAsync(Token));
    }

    [Fact]
    public async Task Remove_UsedByStoppedContainer_MustBeForcedAndKeepsTheContent()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor image = TestImages.Add(_content, ["a"]);
        await StoreDirectory.AddAsync(store, _content, image, "one");
        Digest id = (await store.FindAsync("one", Token))!.Id;
        await UseAsync(store, "0123456789abcdef", image.Digest, running: false);

        MicaException byId = await Assert.ThrowsAsync<MicaException>(() => store.RemoveAsync(id.Short, force: false, Token));
        MicaException byName = await Assert.ThrowsAsync<MicaException>(() => store.RemoveAsync("one", force: false, Token));
        await store.RemoveAsync("one", force: true, Token);

        Assert.Equal($"conflict: unable to delete {id.Short} (must be forced) - image is being used by stopped container 0123456789ab", byId.Message);
        Assert.Equal("conflict: unable to remove repository reference \"one:latest\" (must force) - "
            + $"container 0123456789ab is using its referenced image {id.Short}", byName.Message);
        Assert.Empty(await store.ListAsync(Token));
        Assert.Equal(3, Directory.GetFiles(Path.Join(store.Root, "blobs/sha256")).Length);
        await store.Objects.RemoveAsync(ObjectKind.Container, "0123456789abcdef", Token);
        await store.PruneAsync(new ImagePruneOptions(), Token);
        Assert.Empty(Directory.GetFiles(Path.Join(store.Root, "blobs/sha256")));
    }

    [Fact]
    public async Task Remove_UsedByRunningContainer_CannotBeForced()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor image = TestImages.Add(_content, ["a"]);
        await StoreDirectory.AddAsync(store, _content, image, "one");
        await UseAsync(store, "0123456789abcdef", image.Digest, running: true);

        MicaException refused = await Assert.ThrowsAsync<MicaException>(() => store.RemoveAsync("one", force: true, Token));

        Assert.EndsWith("(cannot be forced) - image is being used by running container 0123456789ab", refused.Message, StringComparison.Ordinal);
        Assert.NotNull(await store.FindAsync("one", Token));
    }

    [Fact]
    public async Task Remove_IndexWhoseManifestHasAName_KeepsTheManifest()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor manifest = TestImages.Add(_content, ["a"]);
        Descriptor index = TestImages.AddIndex(_content, ("amd64", manifest));
        await StoreDirectory.AddAsync(store, _content, index, "multi");
        await StoreDirectory.AddAsync(store, _content, manifest, "single");

        RemovalReport report = await store.RemoveAsync("multi", force: false, Token);

        Assert.Equal([new Untagged("multi:latest")], report.Entries);
        Assert.Equal(index.Size, report.FreedBytes);
        Assert.Single((await store.InspectAsync("single", null, Token)).Layers);
    }

    [Fact]
    public async Task Remove_WhileALeaseHoldsTheContent_LeavesTheContent()
    {
        await using ImageStore store = await _directory.OpenAsync();
        await using ImageStore other = await _directory.OpenAsync();
        Descriptor image = TestImages.Add(_content, ["a"]);
        await StoreDirectory.AddAsync(store, _content, image, "one");
        await using (StoreLease lease = await other.LeaseAsync("push", Token))
        {
            await lease.HoldAsync(image.Digest, Token);

            RemovalReport report = await store.RemoveAsync("one", force: false, Token);

            Assert.Equal(0, report.FreedBytes);
            Assert.Equal(3, Directory.GetFiles(Path.Join(store.Root, "blobs/sha256")).Length);
        }

        await store.PruneAsync(new ImagePruneOptions(), Token);
        Assert.Empty(Directory.GetFiles(Path.Join(store.Root, "blobs/sha256")));
    }

    [Fact]
    public async Task Prune_ManyAtOnce_FilesThatAnotherTookMeanwhile_AreNoFailure()
    {
        await using ImageStore one = await _directory.OpenAsync(), two = await _directory.OpenAsync(), three = await _directory.OpenAsync();
        string blobs = Path.Join(one.Root, "blobs/sha256");
        for (int round = 0; round < 10; round++)
        {
            for (int number = 0; number < 100; number++)
            {
                await File.WriteAllTextAsync(Path.Join(blobs, Digest.Of(BitConverter.GetBytes(number)).Hex), "x", Token);
            }

            RemovalReport[] reports = await Task.WhenAll(new[] { one, two, three }
                .Select(store => Task.Run(() => store.PruneAsync(new ImagePruneOptions(), Token), Token)));

            Assert.Empty(Directory.GetFiles(blobs));
            Assert.Equal(100, reports.Sum(report => report.FreedBytes));
        }
    }

    [Fact]
    public async Task Prune_Dangling_LeavesNamedOnesAndReportsWhatWent()
    {
        await using ImageStore store = await _directory.OpenAsync();
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["a"]), "one");
        Descriptor dangling = TestImages.Add(_content, ["b"]);
        await StoreDirectory.AddAsync(store, _content, dangling, null);

        RemovalReport report = await store.PruneAsync(new ImagePruneOptions(), Token);

        Assert.True(report.FreedBytes > dangling.Size);
        Assert.Equal(["docker.io/library/one:latest"], (await store.ListAsync(Token)).SelectMany(image => image.Names).Select(name => name.Name));
    }

    [Fact]
    public async Task Prune_AllWithFilters_TakesWhatMatchesThemAll()
    {
        await using ImageStore store = await _directory.OpenAsync();
        await AddAsync("old", "2025-01-01T00:00:00Z", "stage=test");
        await AddAsync("new", "2026-02-01T00:00:00Z", "stage=test");
        await AddAsync("other", "2025-01-01T00:00:00Z", "stage=live");
        await AddAsync("kept", "2025-01-01T00:00:00Z", "stage=test", "keep=yes");

        await store.PruneAsync(new ImagePruneOptions
        {
            All = true,
            Until = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
            Labels = ["stage=test"],
            ExcludedLabels = ["keep"],
        }, Token);

        Assert.Equal(["kept", "new", "other"],
            (await store.ListAsync(Token)).Select(image => image.Names[0].Reference.FamiliarName).Order());

        async Task AddAsync(string name, string created, params string[] labels)
        {
            Descriptor image = TestImages.Add(_content, [name], created: created,
                labels: labels.ToDictionary(label => label.Split('=')[0], label => label.Split('=')[1]));
            await StoreDirectory.AddAsync(store, _content, image, name);
        }
    }

    [Fact]
    public async Task Prune_ContentOfAPullThatWasGivenUp_Goes()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor image = TestImages.Add(_content, ["a"]);
        await using (StoreLease lease = await store.LeaseAsync("pull", Token))
        {
            using var copy = new ContentCopy(_content, lease, new ContentCopyOptions(), progress: null);
            await copy.CopyAsync(image, Token);
        }

        await store.PruneAsync(new ImagePruneOptions(), Token);

        Assert.Empty(Directory.GetFiles(Path.Join(store.Root, "blobs/sha256")));
    }

    private static long BlobBytes(ImageStore store) =>
        new DirectoryInfo(Path.Join(store.Root, "blobs/sha256")).EnumerateFiles().Sum(file => file.Length);

    private static async Task UseAsync(ImageStore store, string container, Digest manifest, bool running)
    {
        await store.Objects.AddAsync(ObjectKind.Container, new StoredObject(container, container, DateTimeOffset.UnixEpoch, "", ""), manifest, Token);
        await store.Objects.SetStateAsync(ObjectKind.Container, container, "", running, Token);
    }
}
