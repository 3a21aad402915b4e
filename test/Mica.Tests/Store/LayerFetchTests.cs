using System.IO.Compression;
using Mica.Oci;
using Mica.Store;
using Mica.Tests.Layers;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Store;

public sealed class LayerFetchTests : IAsyncLifetime
{
    private readonly StoreDirectory _directory = new();
    private readonly MemoryContent _content = new();
    private readonly RecordingSource _source;
    private readonly byte[] _tar = Tar.Of(Dir("etc"), File("etc/motd", "hello"), File("noise", Noise(1_000_000)), Symlink("link", "etc/motd"));
    private readonly Descriptor _layer;
    private ImageStore _store = null!;

    public LayerFetchTests()
    {
        _source = new RecordingSource(_content);
        _layer = _content.Add(MediaTypes.OciLayerGzip, Gzip(_tar));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Digest DiffId => Digest.Of(_tar);

    private string Tree => Path.Join(_store.Root, "layers/sha256", DiffId.Hex, "fs");

    public async ValueTask InitializeAsync() => _store = await _directory.OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Fetch_NewLayer_IsABlobAndATree()
    {
        var events = new EventList();
        await using StoreLease lease = await _store.LeaseAsync("test", Token);

        FetchedLayer fetched = await lease.FetchLayerAsync(_source, _layer, DiffId, events, Token);

        Assert.Equal(new FetchedLayer(_layer, DiffId, Existed: false), fetched);
        Assert.Equal("hello", await System.IO.File.ReadAllTextAsync(Path.Join(Tree, "etc/motd"), Token));
        Assert.Equal(1_000_000, new FileInfo(Path.Join(Tree, "noise")).Length);
        Assert.True(await _store.ExistsAsync(_layer, Token));
        Assert.Equal(_layer.Size, events.Of<BlobTransferred>().Last().Current);
        Assert.Equal([typeof(BlobCompleted), typeof(LayerUnpacked)],
            events.Events.Where(e => e is BlobCompleted or LayerUnpacked).Select(e => e.GetType()));
        Assert.NotEmpty(events.Of<LayerUnpacking>());
        AssertNothingUnderWay();
    }

    [Fact]
    public async Task Fetch_ThatIsHere_OpensNothing()
    {
        await FetchAsync(DiffId);
        var events = new EventList();
        await using StoreLease lease = await _store.LeaseAsync("test", Token);

        FetchedLayer known = await lease.FetchLayerAsync(_source, _layer, DiffId, events, Token);
        FetchedLayer unknown = await lease.FetchLayerAsync(_source, _layer, null, events, Token);

        Assert.True(known.Existed);
        Assert.Equal((DiffId, true), (unknown.DiffId, unknown.Existed));
        Assert.Single(_source.Opened);
        Assert.All(events.Events, e => Assert.IsType<BlobExisted>(e));
    }

    [Fact]
    public async Task Fetch_WithoutExpectedDiffId_FindsIt()
    {
        FetchedLayer fetched = await FetchAsync(null);

        Assert.Equal(DiffId, fetched.DiffId);
        Assert.True(Directory.Exists(Tree));
    }

    [Fact]
    public async Task Fetch_OtherDiffIdThanExpected_LeavesNothing()
    {
        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => FetchAsync(Digest.Of("other"u8)));

        Assert.Equal(ErrorKind.ContentMismatch, failure.Kind);
        Assert.Contains(DiffId.ToString(), failure.Message, StringComparison.Ordinal);
        await AssertNothingHereAsync();
    }

    [Fact]
    public async Task Fetch_OtherBytesThanPromised_LeavesNothing()
    {
        Descriptor lie = _layer with { Digest = Digest.Of("other"u8) };
        var source = new LyingSource(Gzip(_tar));
        await using StoreLease lease = await _store.LeaseAsync("test", Token);

        await Assert.ThrowsAsync<DigestMismatchException>(() => lease.FetchLayerAsync(source, lie, DiffId, null, Token));

        await AssertNothingHereAsync();
    }

    [Fact]
    public async Task Fetch_FewerOrMoreBytesThanPromised_LeavesNothing()
    {
        var source = new LyingSource(Gzip(_tar));
        await using StoreLease lease = await _store.LeaseAsync("test", Token);
        foreach (long size in new[] { _layer.Size - 1, _layer.Size + 1 })
        {
            MicaException failure = await Assert.ThrowsAsync<MicaException>(
                () => lease.FetchLayerAsync(source, _layer with { Size = size }, DiffId, null, Token));
            Assert.Equal(ErrorKind.ContentMismatch, failure.Kind);
        }

        await AssertNothingHereAsync();
    }

    [Fact]
    public async Task Fetch_NoTar_LeavesNothing()
    {
        Descriptor noise = _content.Add(MediaTypes.OciLayer, Noise(100_000));
        await using StoreLease lease = await _store.LeaseAsync("test", Token);

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => lease.FetchLayerAsync(_source, noise, null, null, Token));

        Assert.Equal(ErrorKind.ContentMismatch, failure.Kind);
        await AssertNothingHereAsync();
    }

    [Fact]
    public async Task Fetch_AfterABrokenConnection_GoesOnWhereItStopped()
    {
        _source.BreakAfter = 700_000;
        await Assert.ThrowsAnyAsync<Exception>(() => FetchAsync(DiffId));
        _source.BreakAfter = null;
        var events = new EventList();

        await using StoreLease lease = await _store.LeaseAsync("test", Token);
        await lease.FetchLayerAsync(_source, _layer, DiffId, events, Token);

        long offset = _source.Opened.Last().Offset;
        Assert.InRange(offset, 400_000, 700_000);
        Assert.Equal(offset, events.Of<BlobTransferred>().First().Current);
        Assert.Equal(1_000_000, new FileInfo(Path.Join(Tree, "noise")).Length);
        AssertNothingUnderWay();
    }

    [Fact]
    public async Task Fetch_OnADamagedPart_BeginsAgain()
    {
        byte[] part = Gzip(_tar)[..200_000];
        part[100_000] ^= 1;
        await System.IO.File.WriteAllBytesAsync(Path.Join(_store.Root, "ingest/partial", $"sha256-{_layer.Digest.Hex}"), part, Token);

        await FetchAsync(DiffId);

        Assert.Equal([200_000L, 0L], _source.Opened.Select(open => open.Offset));
        Assert.True(Directory.Exists(Tree));
    }

    [Fact]
    public async Task Fetch_OnAWholePart_TransfersNothing()
    {
        await System.IO.File.WriteAllBytesAsync(Path.Join(_store.Root, "ingest/partial", $"sha256-{_layer.Digest.Hex}"), Gzip(_tar), Token);

        await FetchAsync(DiffId);

        Assert.Empty(_source.Opened);
        Assert.True(Directory.Exists(Tree));
    }

    [Fact]
    public async Task Fetch_OtherCompressionOfATreeThatIsHere_AddsTheBlobOnly()
    {
        await FetchAsync(DiffId);
        DateTime unpacked = Directory.GetCreationTimeUtc(Tree);
        Descriptor plain = _content.Add(MediaTypes.OciLayer, _tar);
        await using StoreLease lease = await _store.LeaseAsync("test", Token);

        FetchedLayer fetched = await lease.FetchLayerAsync(_source, plain, DiffId, null, Token);

        Assert.False(fetched.Existed);
        Assert.True(await _store.ExistsAsync(plain, Token));
        Assert.Equal(unpacked, Directory.GetCreationTimeUtc(Tree));
        Assert.Single(Directory.GetDirectories(Path.Join(_store.Root, "layers/sha256")));
    }

    [Fact]
    public async Task Fetch_OtherTarAsATreeThatIsHere_IsRefused()
    {
        await FetchAsync(DiffId);
        Descriptor other = _content.Add(MediaTypes.OciLayer, Tar.Of(File("evil", "x")));
        await using StoreLease lease = await _store.LeaseAsync("test", Token);

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => lease.FetchLayerAsync(_source, other, DiffId, null, Token));

        Assert.Equal(ErrorKind.ContentMismatch, failure.Kind);
        Assert.False(await _store.ExistsAsync(other, Token));
    }

    [Fact]
    public async Task Fetch_BlobHereButNoTree_UnpacksTheBlob()
    {
        await using StoreLease lease = await _store.LeaseAsync("test", Token);
        await lease.WriteAsync(_layer, new MemoryStream(Gzip(_tar)), Token);

        await lease.FetchLayerAsync(lease, _layer, DiffId, null, Token);

        Assert.Empty(_source.Opened);
        Assert.True(Directory.Exists(Tree));
    }

    [Fact]
    public async Task Fetch_OfOneLayerByManyStoresAtOnce_TransfersAndUnpacksItOnce()
    {
        ImageStore[] stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _directory.OpenAsync()));

        await Task.WhenAll(stores.Select(store => Task.Run(async () =>
        {
            await using StoreLease lease = await store.LeaseAsync("test", Token);
            await lease.FetchLayerAsync(_source, _layer, DiffId, null, Token);
        })));

        Assert.Single(_source.Opened);
        foreach (ImageStore store in stores)
        {
            await store.DisposeAsync();
        }
    }

    [Fact]
    public async Task Fetch_BeyondTheLimit_IsRefused()
    {
        await using ImageStore store = await ImageStore.OpenAsync(
            new StoreOptions { Root = _directory.Root, MaxLayerBytes = 500_000, Durable = false }, Token);
        await using StoreLease lease = await store.LeaseAsync("test", Token);

        await Assert.ThrowsAsync<MicaException>(() => lease.FetchLayerAsync(_source, _layer, DiffId, null, Token));

        Assert.False(await _store.ExistsAsync(_layer, Token));
        Assert.False(Directory.Exists(Tree));
        Assert.Empty(Directory.GetDirectories(Path.Join(_store.Root, "ingest/unpack")));
    }

    [Fact]
    public async Task Fetch_Cancelled_KeepsWhatCameAndNothingElse()
    {
        using var cancelling = new CancellationTokenSource();
        var source = new LyingSource(Gzip(_tar)) { OnRead = position => { if (position > 500_000) { cancelling.Cancel(); } } };
        await using StoreLease lease = await _store.LeaseAsync("test", Token);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => lease.FetchLayerAsync(source, _layer, DiffId, null, cancelling.Token));

        Assert.NotEmpty(Directory.GetFiles(Path.Join(_store.Root, "ingest/partial")));
        Assert.Empty(Directory.GetDirectories(Path.Join(_store.Root, "ingest/unpack")));
        Assert.False(await _store.ExistsAsync(_layer, Token));
    }

    [Fact]
    public async Task Commit_AfterFetch_SizesAreThoseOfTheTrees()
    {
        Descriptor image = AddImage();
        await using StoreLease lease = await _store.LeaseAsync("pull", Token);
        using (var copy = new ContentCopy(_source, lease, new ContentCopyOptions
        {
            Transfer = async (layer, token) => await lease.FetchLayerAsync(_source, layer, DiffId, null, token),
        }, progress: null))
        {
            await copy.CopyAsync(image, Token);
        }

        await lease.CommitImageAsync(image, ImageReference.Parse("debian"), "pull", Token);

        ImageDetails details = await _store.InspectAsync("debian", null, Token);
        Assert.Equal(1_000_005, details.Image.Size);
        Assert.Equal((1_000_005, Tree), (details.Layers[0].UnpackedSize, details.Layers[0].Directory));
        Assert.Equal(1_000_005, (await _store.DiskUsageAsync(Token)).Layers);
    }

    [Fact]
    public async Task Remove_LastImageOfALayer_RemovesItsTree()
    {
        Descriptor image = AddImage();
        await StoreDirectory.AddAsync(_store, _content, image, "debian");
        Assert.Equal(_layer.Size, (await _store.FindAsync("debian", Token))!.Size);
        await FetchAsync(DiffId);
        Assert.Equal(1_000_005, (await _store.FindAsync("debian", Token))!.Size);
        DiskUsage usage = await _store.DiskUsageAsync(Token);

        RemovalReport report = await _store.RemoveAsync("debian", force: false, Token);

        Assert.Equal(usage.Blobs + 1_000_005, report.FreedBytes);
        Assert.Empty(Directory.GetDirectories(Path.Join(_store.Root, "layers/sha256")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Join(_store.Root, "trash")));
    }

    private static byte[] Noise(int size)
    {
        byte[] noise = new byte[size];
        new Random(1).NextBytes(noise);
        return noise;
    }

    private static byte[] Gzip(byte[] tar)
    {
        using var result = new MemoryStream();
        using (var gzip = new GZipStream(result, CompressionLevel.Fastest))
        {
            gzip.Write(tar);
        }

        return result.ToArray();
    }

    private async Task<FetchedLayer> FetchAsync(Digest? diffId)
    {
        await using StoreLease lease = await _store.LeaseAsync("test", Token);
        return await lease.FetchLayerAsync(_source, _layer, diffId, null, Token);
    }

    private Descriptor AddImage()
    {
        Descriptor config = _content.Add(MediaTypes.OciConfig, new ImageConfig
        {
            Os = "linux",
            Architecture = "amd64",
            RootFs = new RootFs { Type = "layers", DiffIds = [DiffId] },
        }.ToJson());
        return _content.Add(MediaTypes.OciManifest,
            new ImageManifest { MediaType = MediaTypes.OciManifest, Config = config, Layers = [_layer] }.ToJson());
    }

    private async Task AssertNothingHereAsync()
    {
        Assert.False(await _store.ExistsAsync(_layer, Token));
        Assert.Empty(Directory.GetFiles(Path.Join(_store.Root, "blobs/sha256")));
        Assert.Empty(Directory.GetDirectories(Path.Join(_store.Root, "layers/sha256")));
        Assert.Empty(Directory.GetDirectories(Path.Join(_store.Root, "ingest/unpack")));
        Assert.All(Directory.GetFiles(Path.Join(_store.Root, "ingest/partial")), file => Assert.Equal(0, new FileInfo(file).Length));
    }

    private void AssertNothingUnderWay()
    {
        Assert.Empty(Directory.GetFiles(Path.Join(_store.Root, "ingest/partial")));
        Assert.Empty(Directory.GetDirectories(Path.Join(_store.Root, "ingest/unpack")));
        Assert.Empty(Directory.GetFiles(Path.Join(_store.Root, "ingest/locks")));
    }

    /// <summary>Delivers its bytes for whatever it is asked.</summary>
    private sealed class LyingSource(byte[] bytes) : IContentSource
    {
        public Action<long>? OnRead { get; init; }

        public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) => default;

        public ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
            ValueTask.FromResult<Stream>(new WatchedStream(bytes, OnRead));
    }

    private sealed class WatchedStream(byte[] bytes, Action<long>? onRead) : MemoryStream(bytes)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            onRead?.Invoke(Position);
            cancellationToken.ThrowIfCancellationRequested();
            return await base.ReadAsync(buffer[..Math.Min(buffer.Length, 50_000)], cancellationToken);
        }
    }

    private sealed class EventList : IProgress<ProgressEvent>
    {
        private readonly List<ProgressEvent> _events = [];

        public IReadOnlyList<ProgressEvent> Events => _events;

        public void Report(ProgressEvent value)
        {
            lock (_events)
            {
                _events.Add(value);
            }
        }

        public IEnumerable<T> Of<T>() => _events.OfType<T>();
    }
}
