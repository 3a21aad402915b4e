using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Store;

public sealed class ImageStoreTests : IDisposable
{
    private readonly StoreDirectory _directory = new();
    private readonly MemoryContent _content = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Open_NewDirectory_IsAnEmptyOciLayoutForTheOwnerOnly()
    {
        await using ImageStore store = await _directory.OpenAsync();

        Assert.Equal("""{"imageLayoutVersion":"1.0.0"}""", await File.ReadAllTextAsync(Path.Join(store.Root, "oci-layout"), Token));
        Assert.Empty(ImageIndex.Parse(await File.ReadAllBytesAsync(Path.Join(store.Root, "index.json"), Token), MediaTypes.OciIndex).Manifests);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(store.Root));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Join(store.Root, "catalog.db")));
        Assert.Empty(await store.ListAsync(Token));
    }

    [Fact]
    public async Task Open_DirectoryWithOtherFiles_IsRefusedAndLeftAlone()
    {
        Directory.CreateDirectory(_directory.Root);
        await File.WriteAllTextAsync(Path.Join(_directory.Root, "thesis.txt"), "", Token);

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => _directory.OpenAsync());

        Assert.Equal(ErrorKind.InvalidArgument, failure.Kind);
        Assert.Equal([Path.Join(_directory.Root, "thesis.txt")], Directory.GetFileSystemEntries(_directory.Root));
    }

    [Fact]
    public async Task Open_ManyAtOnceOnANewDirectory_AllGetTheSameStore()
    {
        ImageStore[] stores = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => _directory.OpenAsync(), Token)));
        Descriptor image = TestImages.Add(_content, ["a"]);

        await StoreDirectory.AddAsync(stores[0], _content, image, "debian");

        Assert.NotNull(await stores[7].FindAsync("debian", Token));
        foreach (ImageStore store in stores)
        {
            await store.DisposeAsync();
        }
    }

    [Fact]
    public async Task Commit_IndexWithOnePlatform_TellsWhatIsPresentAndWhatIsNot()
    {
        Descriptor amd64 = TestImages.Add(_content, ["base", "app"], created: "2026-01-02T03:04:05Z");
        Descriptor arm64 = TestImages.Add(_content, ["arm base"], "arm64");
        Descriptor index = TestImages.AddIndex(_content, ("amd64", amd64), ("arm64", arm64));
        await using ImageStore store = await _directory.OpenAsync();

        await StoreDirectory.AddAsync(store, _content, index, "debian:trixie", include: (_, child) => child.Digest != arm64.Digest);

        StoredImage image = Assert.Single(await store.ListAsync(Token));
        Assert.Equal(index.Digest, image.Root.Digest);
        Assert.Equal(["docker.io/library/debian:trixie"], image.Names.Select(name => name.Name));
        Assert.Equal([("linux/amd64", true), ("linux/arm64", false)],
            image.Variants.Select(variant => (variant.Manifest.Platform!.ToString(), variant.IsPresent)));
        Assert.Equal(amd64.Digest, image.Primary!.Manifest.Digest);
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), image.Created);
        Assert.Equal("gz base".Length + "gz app".Length, image.Size);
    }

    [Fact]
    public async Task Commit_OtherPlatformOfTheSameIndexLater_AddsIt()
    {
        Descriptor amd64 = TestImages.Add(_content, ["base"]);
        Descriptor arm64 = TestImages.Add(_content, ["arm base"], "arm64");
        Descriptor index = TestImages.AddIndex(_content, ("amd64", amd64), ("arm64", arm64));
        await using ImageStore store = await _directory.OpenAsync();
        await StoreDirectory.AddAsync(store, _content, index, "debian", include: (_, child) => child.Digest != amd64.Digest);
        Assert.Equal(arm64.Digest, (await store.FindAsync("debian", Token))!.Primary!.Manifest.Digest);

        NameMove? move = await StoreDirectory.AddAsync(store, _content, index, "debian");

        Assert.True(move!.IsUnchanged);
        StoredImage? image = await store.FindAsync("debian", Token);
        Assert.All(image!.Variants, variant => Assert.True(variant.IsPresent));
        Assert.Equal(amd64.Digest, image.Primary!.Manifest.Digest);
    }

    [Fact]
    public async Task Commit_ManifestWithoutItsLayer_IsRefused()
    {
        Descriptor image = TestImages.Add(_content, ["a"]);
        await using ImageStore store = await _directory.OpenAsync();
        await using Stream manifest = await _content.OpenAsync(image, Token);
        await store.WriteAsync(image, manifest, Token);

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => store.TagAsync(image, "debian", Token).AsTask());

        Assert.Equal(ErrorKind.NotFound, failure.Kind);
        Assert.Null(await store.FindAsync("debian", Token));
    }

    [Fact]
    public async Task Find_ByNameIdPrefixAndDigests_IsTheSameImage()
    {
        Descriptor manifest = TestImages.Add(_content, ["a"]);
        Descriptor index = TestImages.AddIndex(_content, ("amd64", manifest));
        await using ImageStore store = await _directory.OpenAsync();
        await StoreDirectory.AddAsync(store, _content, index, "debian");
        await store.AddRepositoryDigestAsync("docker.io/library/debian", index.Digest, Token);
        Digest id = (await store.FindAsync("debian", Token))!.Id;
        string[] words = ["debian:latest", "docker.io/library/debian", id.ToString(), id.Hex, id.Short, $"sha256:{id.Hex[..5]}",
            $"debian@{index.Digest}", $"debian:whatever@{index.Digest}", index.Digest.ToString(), manifest.Digest.ToString()];

        StoredImage?[] found = await Task.WhenAll(words.Select(word => store.FindAsync(word, Token)));

        Assert.All(found, image => Assert.Equal(index.Digest, image?.Root.Digest));
        Assert.Null(await store.FindAsync($"other@{index.Digest}", Token));
        Assert.Null(await store.FindAsync("debian:other", Token));
    }

    [Fact]
    public async Task Find_BeginningOfSeveralIds_IsAmbiguous()
    {
        await using ImageStore store = await _directory.OpenAsync();
        for (int number = 0; number < 17; number++)
        {
            await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["a"], salt: $"{number}"), null);
        }

        // Of 17 hex IDs two begin alike.
        char first = (await store.ListAsync(Token)).GroupBy(image => image.Id.Hex[0]).First(group => group.Count() > 1).Key;
        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => store.FindAsync($"sha256:{first}", Token));

        Assert.Equal(ErrorKind.InvalidArgument, failure.Kind);
        Assert.Contains("ambiguous", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_SharedLayers_NamesTheOtherImages()
    {
        Descriptor one = TestImages.Add(_content, ["base", "one"]);
        Descriptor two = TestImages.Add(_content, ["base", "two"]);
        await using ImageStore store = await _directory.OpenAsync();
        await StoreDirectory.AddAsync(store, _content, one, "one");
        await StoreDirectory.AddAsync(store, _content, two, "two");

        ImageDetails details = await store.InspectAsync("one", null, Token);

        Assert.Equal([TestImages.DiffId("base"), TestImages.DiffId("one")], details.Layers.Select(layer => layer.DiffId));
        Assert.Equal([two.Digest], details.Layers[0].SharedWith);
        Assert.Empty(details.Layers[1].SharedWith);
        Assert.Equal(["ADD one", "ADD base"], details.History.Select(row => row.Entry.CreatedBy));
        Assert.Equal(details.Layers[0], details.History[1].Layer);
    }

    [Fact]
    public async Task Inspect_PlatformThatIsNotThere_SaysSo()
    {
        await using ImageStore store = await _directory.OpenAsync();
        await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["a"]), "debian");

        MicaException failure = await Assert.ThrowsAsync<MicaException>(
            () => store.InspectAsync("debian", Platform.Parse("linux/arm64"), Token));

        Assert.Equal("image with reference debian was found but does not provide the specified platform (linux/arm64)", failure.Message);
    }
}
