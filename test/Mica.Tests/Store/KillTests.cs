using System.Collections.Immutable;
using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Store;

/// <summary>The process is killed at every point of a change; the store is whole after that, and the change can be made again.</summary>
public sealed class KillTests : IDisposable
{
    private readonly StoreDirectory _directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("transfer", 5)]
    [InlineData("blob renamed", 1)]
    [InlineData("layer unpacked", 1)]
    [InlineData("layer renamed", 1)]
    [InlineData("layer blob renamed", 1)]
    [InlineData("commit", 4)]
    [InlineData("commit", 6)]
    [InlineData("image committed", 1)]
    [InlineData("index written", 1)]
    public async Task Pull_Killed_LosesNothingAndCanBeRepeated(string failpoint, int count)
    {
        await PullOldAsync();

        Assert.Equal(Victim.Killed, await Victim.RunAsync(_directory.Root, "pull", failpoint, count));

        await using (ImageStore store = await _directory.OpenAsync())
        {
            Digest target = await AssertWholeAsync(store);
            bool isDone = failpoint is "image committed" or "index written";
            Assert.Equal((isDone ? Victim.New : Victim.Old).Manifest.Digest, target);
            await Victim.WorkAsync(store, "pull", Victim.Content, Token);
            Assert.Equal(Victim.New.Manifest.Digest, await AssertWholeAsync(store));
            await store.UndoAsync(ImageReference.Parse("debian"), Token);
        }

        await AssertCleanAfterPruneAsync(images: 2);
    }

    [Theory]
    [InlineData("rmi", "commit", 2)]
    [InlineData("rmi", "rows deleted", 1)]
    [InlineData("rmi", "blob deleting", 2)]
    [InlineData("rmi", "layer deleting", 1)]
    [InlineData("rmi", "trash removing", 1)]
    [InlineData("prune", "layer deleting", 2)]
    public async Task Removal_Killed_LosesNothingElseAndIsFinishedLater(string work, string failpoint, int count)
    {
        await PullOldAsync();

        Assert.Equal(Victim.Killed, await Victim.RunAsync(_directory.Root, work, failpoint, count));

        bool isDone = failpoint != "commit";
        await using (ImageStore store = await _directory.OpenAsync())
        {
            Assert.Equal(isDone ? 0 : 1, (await store.ListAsync(Token)).Length);
            StoreCheckReport report = await store.CheckAsync(new StoreCheckOptions { Deep = true }, null, Token);
            Assert.All(report.Findings, finding => Assert.True(finding.Kind is StoreFindingKind.BlobUnknown or StoreFindingKind.LayerUnknown, finding.ToString()));
        }

        await AssertCleanAfterPruneAsync(images: isDone ? 0 : 1);
    }

    [Fact]
    public async Task Pull_KilledInATransfer_GoesOnWhereItStopped()
    {
        await PullOldAsync();
        Assert.Equal(Victim.Killed, await Victim.RunAsync(_directory.Root, "pull", "transfer", 6));
        var source = new RecordingSource(Victim.Content);

        await using ImageStore store = await _directory.OpenAsync();
        await Victim.WorkAsync(store, "pull", source, Token);

        Assert.Contains(source.Opened, open => open.Digest == Victim.New.Layers[1].Blob.Digest && open.Offset > 0);
    }

    private async Task PullOldAsync()
    {
        await using ImageStore store = await _directory.OpenAsync();
        await Victim.Old.PullAsync(store, Victim.Content, "debian", Token);
    }

    /// <summary>What the name stands for is all there; leftovers that nobody sees are the only thing that may be wrong.</summary>
    private static async Task<Digest> AssertWholeAsync(ImageStore store)
    {
        StoreCheckReport report = await store.CheckAsync(new StoreCheckOptions { Deep = true }, null, Token);
        Assert.All(report.Findings, finding => Assert.True(finding.Kind is StoreFindingKind.BlobUnknown or StoreFindingKind.LayerUnknown, finding.ToString()));
        ImageDetails details = await store.InspectAsync("debian", null, Token);
        Assert.All(details.Layers, layer => Assert.True(Directory.Exists(layer.Directory)));
        return details.Image.Root.Digest;
    }

    private async Task AssertCleanAfterPruneAsync(int images)
    {
        await using (ImageStore store = await _directory.OpenAsync())
        {
            await store.PruneAsync(new ImagePruneOptions(), Token);
            Assert.Empty((await store.CheckAsync(new StoreCheckOptions { Deep = true }, null, Token)).Findings);
            Assert.Equal(images, (await store.ListAsync(Token)).Length);
        }

        foreach (string directory in new[] { "ingest/partial", "ingest/unpack", "ingest/locks", "ingest/slots", "trash" })
        {
            Assert.Empty(Directory.GetFileSystemEntries(Path.Join(_directory.Root, directory)));
        }

        ImmutableArray<Descriptor> named = ImageIndex.Parse(await File.ReadAllBytesAsync(Path.Join(_directory.Root, "index.json"), Token), MediaTypes.OciIndex).Manifests;
        Assert.Equal(images, named.Select(entry => entry.Digest).Distinct().Count());
    }
}
