using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Store;

public sealed class DiskUsageTests : IDisposable
{
    private readonly StoreDirectory _directory = new();
    private readonly MemoryContent _content = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Usage_SharedBase_CountsOnceAndIsNobodysUnique()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor one = TestImages.Add(_content, ["base", "one"]);
        Descriptor three = TestImages.Add(_content, ["base", "three"]);
        await StoreDirectory.AddAsync(store, _content, one, "one");
        await StoreDirectory.AddAsync(store, _content, three, "three");

        DiskUsage usage = await store.DiskUsageAsync(Token);

        Assert.Equal(Size("base") + Size("one") + Size("three"), usage.Size);
        Assert.All(usage.Images, image => Assert.Equal(Size("base"), image.SharedSize));
        Assert.Equal(Size("one") + Size("three"), usage.Reclaimable);
        SharedLayer shared = Assert.Single(usage.Shared);
        Assert.Equal(new[] { one.Digest, three.Digest }.OrderBy(digest => digest.ToString()), shared.Roots.OrderBy(digest => digest.ToString()));
    }

    [Fact]
    public async Task Usage_SameDiffIdTwiceInOneImage_IsNeverNegative()
    {
        await using ImageStore store = await _directory.OpenAsync();
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["base", "same", "same"]), "one");
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["same"]), "two");

        DiskUsage usage = await store.DiskUsageAsync(Token);

        Assert.All(usage.Images, image => Assert.Equal((0, image.Image.Size), (image.SharedSize, image.UniqueSize)));
        Assert.Equal(Size("base") + (3 * Size("same")), usage.Size);
    }

    [Fact]
    public async Task Usage_TwoVariantsOfOneIndexOnOneBase_ShareNothingWithOthers()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor index = TestImages.AddIndex(_content,
            ("amd64", TestImages.Add(_content, ["base", "x"])), ("arm64", TestImages.Add(_content, ["base", "y"], "arm64")));
        await StoreDirectory.AddAsync(store, _content, index, "multi");

        ImageUsage image = Assert.Single((await store.DiskUsageAsync(Token)).Images);

        Assert.Equal(Size("base") + Size("x") + Size("y"), image.Image.Size);
        Assert.Equal(0, image.SharedSize);
    }

    [Fact]
    public async Task Usage_ImageWithAContainer_IsActiveAndNotReclaimable()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor used = TestImages.Add(_content, ["base", "one"]);
        await StoreDirectory.AddAsync(store, _content, used, "one");
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["base", "two"]), "two");
        await UseAsync(store, "c", used.Digest, running: true);

        DiskUsage usage = await store.DiskUsageAsync(Token);

        Assert.Equal(1, usage.ActiveCount);
        Assert.Equal(Size("two"), usage.Reclaimable);
    }

    [Fact]
    public async Task Freeable_IsExactlyWhatRemovingAllUnusedFrees()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor used = TestImages.Add(_content, ["base", "one"]);
        await StoreDirectory.AddAsync(store, _content, used, "one");
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["base", "shared", "two"]), "two");
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["base", "shared", "three"]), "three");
        await UseAsync(store, "c", used.Digest, running: true);
        DiskUsage usage = await store.DiskUsageAsync(Token);

        RemovalReport report = await store.PruneAsync(new ImagePruneOptions { All = true }, Token);

        Assert.Equal(usage.Freeable, report.FreedBytes);
        Assert.True(usage.Freeable > usage.Reclaimable);
    }

    private static long Size(string layer) => "gz ".Length + layer.Length;

    private static async Task UseAsync(ImageStore store, string container, Digest manifest, bool running)
    {
        await store.Objects.AddAsync(ObjectKind.Container, new StoredObject(container, container, DateTimeOffset.UnixEpoch, "", ""), manifest, Token);
        await store.Objects.SetStateAsync(ObjectKind.Container, container, "", running, Token);
    }
}
