using Mica.Oci;
using Mica.Store;
using Mica.Tests.Layers;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Store;

public sealed class StoreCheckTests : IAsyncLifetime
{
    private static readonly StoreCheckOptions s_repair = new() { Repair = true };

    private readonly StoreDirectory _directory = new();
    private readonly MemoryContent _content = new();
    private readonly LayeredImage _image;
    private ImageStore _store = null!;

    public StoreCheckTests() => _image = LayeredImage.Add(_content,
        Tar.Of(Dir("etc"), File("etc/motd", "hello"), Symlink("link", "etc/motd"), Hard("same", "etc/motd")),
        Tar.Of(File("big", new byte[200_000])));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Descriptor Layer => _image.Layers[0].Blob;

    private Digest DiffId => _image.Layers[0].DiffId;

    private string Tree => Path.Join(_store.Root, "layers/sha256", DiffId.Hex, "fs");

    public async ValueTask InitializeAsync()
    {
        _store = await _directory.OpenAsync();
        await _image.PullAsync(_store, _content, "debian", Token);
        await _store.AddRepositoryDigestAsync("docker.io/library/debian", _image.Manifest.Digest, Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Check_OfAWholeStore_FindsNothing(bool deep)
    {
        StoreCheckReport report = await _store.CheckAsync(new StoreCheckOptions { Deep = deep }, null, Token);

        Assert.Empty(report.Findings);
        Assert.True(report.IsWhole);
        Assert.Equal((4, 2), (report.Blobs, report.Layers));
    }

    [Fact]
    public async Task Check_DamagedBlob_IsNamedAndLeftAlone()
    {
        Damage(Layer);

        StoreCheckReport report = await _store.CheckAsync(new StoreCheckOptions(), null, Token);

        Assert.Contains(report.Findings, finding => finding.Kind == StoreFindingKind.BlobDamaged && finding.Subject == Layer.Digest.ToString());
        Assert.False(report.IsWhole);
        Assert.True(System.IO.File.Exists(Blob(Layer)));
        MissingContent missing = Assert.Single(report.Missing);
        Assert.Equal((Layer.Digest, DiffId), (missing.Descriptor.Digest, missing.DiffId));
        Assert.Equal(["docker.io/library/debian"], missing.Repositories);
    }

    [Fact]
    public async Task Repair_DamagedContent_SaysWhatToFetchAndIsWholeAfterThat()
    {
        foreach (Descriptor descriptor in new[] { Layer, _image.Manifest, await ConfigAsync() })
        {
            Damage(descriptor);
            StoreCheckReport report = await _store.CheckAsync(s_repair, null, Token);
            Assert.False(report.IsWhole);
            MissingContent missing = Assert.Single(report.Missing);
            Assert.Equal(descriptor.Digest, missing.Descriptor.Digest);
            Assert.Equal(descriptor.Size, missing.Descriptor.Size);

            await using (StoreLease lease = await _store.LeaseAsync("refetch", Token))
            {
                if (missing.DiffId is { } diffId)
                {
                    await lease.FetchLayerAsync(_content, missing.Descriptor, diffId, null, Token);
                }
                else
                {
                    await using Stream content = await _content.OpenAsync(missing.Descriptor, Token);
                    await lease.WriteAsync(missing.Descriptor, content, Token);
                }
            }

            Assert.Empty((await _store.CheckAsync(new StoreCheckOptions(), null, Token)).Findings);
            Assert.Equal(2, (await _store.InspectAsync("debian", null, Token)).Layers.Length);
        }
    }

    [Fact]
    public async Task Repair_LayerWithAMissingFile_UnpacksItAgain()
    {
        System.IO.File.Delete(Path.Join(Tree, "etc/motd"));
        System.IO.File.Delete(Path.Join(Tree, "same"));

        StoreCheckReport report = await _store.CheckAsync(s_repair, null, Token);

        StoreFinding finding = Assert.Single(report.Findings);
        Assert.Equal((StoreFindingKind.LayerDamaged, true), (finding.Kind, finding.IsRepaired));
        Assert.True(report.IsWhole);
        Assert.Equal("hello", await System.IO.File.ReadAllTextAsync(Path.Join(Tree, "etc/motd"), Token));
    }

    [Fact]
    public async Task Repair_LayerDirectoryGone_UnpacksItAgain()
    {
        Directory.Delete(Path.GetDirectoryName(Tree)!, recursive: true);

        StoreCheckReport report = await _store.CheckAsync(s_repair, null, Token);

        Assert.Equal(StoreFindingKind.LayerMissing, Assert.Single(report.Findings).Kind);
        Assert.True(Directory.Exists(Tree));
    }

    [Theory]
    [InlineData("content", "/etc/motd has other content")]
    [InlineData("mode", "/etc/motd has mode 600, not 644")]
    [InlineData("link", "/link points elsewhere")]
    [InlineData("added", "/new was added")]
    [InlineData("time", "/etc/motd has another time")]
    public async Task DeepCheck_ChangeThatKeepsTheSize_IsNamed(string what, string message)
    {
        string file = Path.Join(Tree, "etc/motd");
        DateTime time = System.IO.File.GetLastWriteTimeUtc(file);
        DateTime root = Directory.GetLastWriteTimeUtc(Tree);
        switch (what)
        {
            case "content":
                await System.IO.File.WriteAllTextAsync(file, "HELLO", Token);
                System.IO.File.SetLastWriteTimeUtc(file, time);
                break;
            case "mode":
                System.IO.File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                break;
            case "link":
                System.IO.File.Delete(Path.Join(Tree, "link"));
                System.IO.File.CreateSymbolicLink(Path.Join(Tree, "link"), "etc/shadow");
                SetLinkTime(Path.Join(Tree, "link"));
                break;
            case "added":
                await System.IO.File.WriteAllTextAsync(Path.Join(Tree, "new"), "", Token);
                break;
            default:
                System.IO.File.SetLastWriteTimeUtc(file, time.AddSeconds(1));
                break;
        }

        Directory.SetLastWriteTimeUtc(Tree, root);
        Assert.Empty((await _store.CheckAsync(new StoreCheckOptions(), null, Token)).Findings);

        StoreCheckReport report = await _store.CheckAsync(new StoreCheckOptions { Deep = true }, null, Token);

        Assert.Contains(report.Findings, finding => finding.Kind == StoreFindingKind.LayerDamaged && finding.Message.Contains(message, StringComparison.Ordinal));

        static void SetLinkTime(string link) => System.IO.File.SetLastWriteTimeUtc(link, DateTime.UnixEpoch.AddSeconds(Tar.DefaultTime.Seconds));
    }

    [Fact]
    public async Task Repair_FilesThatTheCatalogDoesNotKnow_Go()
    {
        Digest stray = Digest.Of("stray"u8);
        await System.IO.File.WriteAllTextAsync(Path.Join(_store.Root, "blobs/sha256", stray.Hex), "stray", Token);
        Directory.CreateDirectory(Path.Join(_store.Root, "layers/sha256", stray.Hex, "fs"));

        StoreCheckReport found = await _store.CheckAsync(new StoreCheckOptions(), null, Token);
        StoreCheckReport repaired = await _store.CheckAsync(s_repair, null, Token);

        Assert.Equal([StoreFindingKind.BlobUnknown, StoreFindingKind.LayerUnknown], found.Findings.Select(finding => finding.Kind));
        Assert.True(found.IsWhole);
        Assert.True(repaired.IsWhole);
        Assert.Empty((await _store.CheckAsync(new StoreCheckOptions(), null, Token)).Findings);
    }

    [Fact]
    public async Task Rebuild_OfALostCatalog_BringsImagesNamesAndLayersBack()
    {
        Descriptor index = TestImages.AddIndex(_content, ("amd64", _image.Manifest), ("arm64", TestImages.Add(_content, ["x"], "arm64")));
        await StoreDirectory.AddAsync(_store, _content, index, "registry.example/multi:1", include: (_, child) => child.Digest != index.Digest);
        Descriptor dangling = TestImages.Add(_content, ["dangling"]);
        await StoreDirectory.AddAsync(_store, _content, dangling, null);
        var before = await _store.ListAsync(Token);
        DiskUsage usage = await _store.DiskUsageAsync(Token);
        await _store.DisposeAsync();
        foreach (string file in Directory.GetFiles(_store.Root, "catalog.db*"))
        {
            System.IO.File.Delete(file);
        }

        MicaException lost = await Assert.ThrowsAsync<MicaException>(() => _directory.OpenAsync());
        StoreCheckReport report = await ImageStore.RebuildAsync(new StoreOptions { Root = _directory.Root, Time = _directory.Time, Durable = false }, null, Token);
        _store = await _directory.OpenAsync();

        Assert.Contains("--rebuild", lost.Message, StringComparison.Ordinal);
        Assert.Empty(report.Findings);
        var after = await _store.ListAsync(Token);
        Assert.Equal(before.Select(Show), after.Select(Show));
        Assert.Equal((usage.Size, usage.Blobs, usage.Layers), ((await _store.DiskUsageAsync(Token)) is var now ? (now.Size, now.Blobs, now.Layers) : default));
        Assert.Empty((await _store.CheckAsync(new StoreCheckOptions { Deep = true }, null, Token)).Findings);

        static string Show(StoredImage image) =>
            $"{image.Root.Digest} {image.Root.MediaType} {image.Size} {string.Join(',', image.Names)} {string.Join(',', image.Repositories)} "
            + string.Join(',', image.Variants.Select(variant => $"{variant.Manifest.Digest} {variant.Manifest.Platform} {variant.IsPresent}"));
    }

    [Fact]
    public async Task Rebuild_OfADamagedCatalogWithADamagedBlob_TellsBoth()
    {
        await _store.DisposeAsync();
        Damage(Layer);
        await System.IO.File.WriteAllTextAsync(Path.Join(_store.Root, "catalog.db"), new string('x', 8192), Token);

        MicaException damaged = await Assert.ThrowsAsync<MicaException>(() => _directory.OpenAsync());
        StoreCheckReport report = await ImageStore.RebuildAsync(new StoreOptions { Root = _directory.Root, Durable = false }, null, Token);
        _store = await _directory.OpenAsync();

        Assert.Equal(ErrorKind.ContentMismatch, damaged.Kind);
        Assert.Contains(report.Findings, finding => finding.Kind == StoreFindingKind.BlobDamaged);
        Assert.Contains(report.Findings, finding => finding.Kind == StoreFindingKind.ImageIncomplete && finding.Subject == Layer.Digest.ToString());
        Assert.Equal(Layer.Digest, Assert.Single(report.Missing).Descriptor.Digest);
        Assert.NotNull(await _store.FindAsync("debian", Token));
        await _image.PullAsync(_store, _content, "debian", Token);
        Assert.Empty((await _store.CheckAsync(new StoreCheckOptions(), null, Token)).Findings);
    }

    [Fact]
    public async Task Rebuild_WhileAnotherProcessHoldsALease_IsRefused()
    {
        await using StoreLease lease = await _store.LeaseAsync("pull", Token);

        MicaException failure = await Assert.ThrowsAsync<MicaException>(
            () => ImageStore.RebuildAsync(new StoreOptions { Root = _directory.Root, Durable = false }, null, Token));

        Assert.Equal(ErrorKind.Conflict, failure.Kind);
    }

    private string Blob(Descriptor descriptor) => Path.Join(_store.Root, "blobs/sha256", descriptor.Digest.Hex);

    private async Task<Descriptor> ConfigAsync() => (await _store.InspectAsync("debian", null, Token)).Manifest.Config;

    private void Damage(Descriptor descriptor)
    {
        byte[] content = System.IO.File.ReadAllBytes(Blob(descriptor));
        content[content.Length / 2] ^= 1;
        System.IO.File.WriteAllBytes(Blob(descriptor), content);
    }
}
