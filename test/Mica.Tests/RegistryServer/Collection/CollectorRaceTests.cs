using System.IO.Pipelines;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Collection;
using Mica.RegistryServer.Metadata;

namespace Mica.Tests.RegistryServer.Collection;

/// <summary>What happens when a collector and something else meet, each at the moment that hurts the most.</summary>
public sealed class CollectorRaceTests : IAsyncLifetime
{
    private const string Repository = "team/app";

    private static readonly byte[] s_bytes = RegistryContent.Bytes(777);

    private readonly string _directory = Directory.CreateTempSubdirectory("mica-collector-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly RegistryLimits _limits = new();
    private SqliteDatabase _metadata = null!;
    private SteppedStorage _storage = null!;
    private Uploads _uploads = null!;
    private BlobStore _blobs = null!;
    private Collector _collector = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _metadata = await SqliteDatabase.OpenAsync(Path.Combine(_directory, "metadata.db"), Cancelled);
        _storage = new SteppedStorage(new FileBlobStorage(Path.Combine(_directory, "blobs")));
        _uploads = new Uploads(_metadata, _storage, _limits, _time);
        _blobs = new BlobStore(_metadata, _storage, _limits, _time);
        _collector = new Collector(_metadata, _storage, _limits, _time);
    }

    public async ValueTask DisposeAsync()
    {
        await _metadata.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Collector_ThatDiedBeforeTheBytesWereGone_IsFollowedByOneThatEndsTheWork()
    {
        await PushAsync();
        _time.Jump(_limits.Lease + TimeSpan.FromMinutes(1));
        _storage.BeforeRemove = () => throw new IOException("killed");
        await Assert.ThrowsAsync<IOException>(() => _collector.RunAsync(Cancelled));
        Assert.Equal(1, Files);

        _storage.BeforeRemove = null;
        CollectionReport report = await _collector.RunAsync(Cancelled);

        Assert.Equal((1, 777L), (report.Blobs, report.Bytes));
        Assert.Equal(0, Files);
        Assert.Equal(777, await FreedAsync());
    }

    [Fact]
    public async Task Collector_ThatDiedAfterTheBytesWereGone_IsFollowedByOneThatEndsTheWork()
    {
        await PushAsync();
        _time.Jump(_limits.Lease + TimeSpan.FromMinutes(1));
        _storage.AfterRemove = () => throw new IOException("killed");
        await Assert.ThrowsAsync<IOException>(() => _collector.RunAsync(Cancelled));

        _storage.AfterRemove = null;
        CollectionReport report = await _collector.RunAsync(Cancelled);

        Assert.Equal((1, 777L), (report.Blobs, report.Bytes));
        Assert.Equal(777, await FreedAsync());
    }

    [Fact]
    public async Task Push_OfABlobWhoseBytesAreAboutToGo_KeepsItsOwn()
    {
        await PushAsync();
        _time.Jump(_limits.Lease + TimeSpan.FromMinutes(1));
        _storage.BeforeRemove = async () =>
        {
            _storage.BeforeRemove = null;
            await PushAsync();
        };

        await _collector.RunAsync(Cancelled);

        await WholeAsync();
        Assert.Equal(1, Files);
    }

    [Fact]
    public async Task Push_OfABlobWhoseBytesAreGoneAndWhoseRowIsNot_KeepsItsOwn()
    {
        await PushAsync();
        _time.Jump(_limits.Lease + TimeSpan.FromMinutes(1));
        _storage.AfterRemove = async () =>
        {
            _storage.AfterRemove = null;
            await PushAsync();
        };

        await _collector.RunAsync(Cancelled);

        await WholeAsync();
        Assert.Equal(1, Files);
    }

    [Fact]
    public async Task Collector_BetweenAPushsBytesAndItsRow_TakesTheOldBytesAlone()
    {
        await PushAsync();
        _time.Jump(_limits.Lease + TimeSpan.FromMinutes(1));
        CollectionReport? report = null;
        _storage.AfterComplete = async () =>
        {
            _storage.AfterComplete = null;
            report = await _collector.RunAsync(Cancelled);
        };

        await PushAsync();

        Assert.Equal((1, 777L), (report!.Blobs, report.Bytes));
        await WholeAsync();
        Assert.Equal(1, Files);
    }

    [Fact]
    public async Task Mount_OfABlobThatIsDoomed_IsRefused()
    {
        await PushAsync();
        _time.Jump(_limits.Lease + TimeSpan.FromMinutes(1));
        bool isMounted = true;
        _storage.BeforeRemove = async () =>
        {
            _storage.BeforeRemove = null;
            isMounted = await _blobs.MountAsync("other", Digest.Of(s_bytes), null, _ => true, Cancelled);
        };

        await _collector.RunAsync(Cancelled);

        Assert.False(isMounted);
        Assert.Equal(0, Files);
    }

    [Fact]
    public async Task Collectors_TwoAtOnce_FreeEachByteOnce()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            await PushAsync(RegistryContent.Bytes(100 + seed, seed));
        }

        _time.Jump(_limits.Lease + TimeSpan.FromMinutes(1));
        var other = new Collector(_metadata, _storage, _limits, _time);
        _storage.BeforeRemove = async () => await Task.Yield();

        CollectionReport[] reports = await Task.WhenAll(
            Task.Run(() => _collector.RunAsync(Cancelled), Cancelled), Task.Run(() => other.RunAsync(Cancelled), Cancelled));

        Assert.Equal(40, reports.Sum(report => report.Blobs));
        Assert.Equal(Enumerable.Range(0, 40).Sum(seed => 100L + seed), reports.Sum(report => report.Bytes));
        Assert.Equal(0, Files);
    }

    private int Files => Directory.EnumerateFiles(Path.Combine(_directory, "blobs"), "*", SearchOption.AllDirectories).Count();

    private async Task PushAsync(byte[]? bytes = null)
    {
        bytes ??= s_bytes;
        Upload upload = await _uploads.StartAsync(Repository, "me", null, Cancelled);
        await _uploads.CompleteAsync(Repository, upload.Id, Digest.Of(bytes), null, bytes.Length, new MemoryStream(bytes), Cancelled);
    }

    private async Task WholeAsync()
    {
        StoredBlob blob = (await _blobs.FindAsync(Repository, Digest.Of(s_bytes), hold: false, Cancelled))!;
        await using Stream stream = await _blobs.OpenAsync(blob, Cancelled);
        Assert.Equal(Digest.Of(s_bytes), await ContentHash.OfAsync(stream, Digest.Sha256, Cancelled));
    }

    private Task<long> FreedAsync() =>
        _metadata.ReadAsync(session => session.NumberAsync("SELECT number FROM settings WHERE name = 'freed'"), Cancelled);

    /// <summary>Files, with something else in between when a test wants it.</summary>
    private sealed class SteppedStorage(FileBlobStorage files) : IBlobStorage
    {
        public Func<Task>? BeforeRemove { get; set; }

        public Func<Task>? AfterRemove { get; set; }

        public Func<Task>? AfterComplete { get; set; }

        public Task<Upload> AppendAsync(Upload upload, Stream content, bool isLast, CancellationToken cancellationToken) =>
            files.AppendAsync(upload, content, isLast, cancellationToken);

        public Task DiscardAsync(Upload before, Upload after, CancellationToken cancellationToken) =>
            files.DiscardAsync(before, after, cancellationToken);

        public async Task<string> CompleteAsync(Upload upload, CancellationToken cancellationToken)
        {
            string key = await files.CompleteAsync(upload, cancellationToken);
            await (AfterComplete?.Invoke() ?? Task.CompletedTask);
            return key;
        }

        public Task AbandonAsync(Upload upload, CancellationToken cancellationToken) => files.AbandonAsync(upload, cancellationToken);

        public Task<Stream> OpenAsync(string key, long offset, long length, CancellationToken cancellationToken) =>
            files.OpenAsync(key, offset, length, cancellationToken);

        public Task SendAsync(string key, long offset, long length, PipeWriter target, CancellationToken cancellationToken) =>
            files.SendAsync(key, offset, length, target, cancellationToken);

        public Task<int> RemoveUnfinishedAsync(Func<string, Task<bool>> isAlive, CancellationToken cancellationToken) =>
            files.RemoveUnfinishedAsync(isAlive, cancellationToken);

        public ValueTask<Uri?> RedirectAsync(string key, long size) => files.RedirectAsync(key, size);

        public Task ProbeAsync(CancellationToken cancellationToken) => files.ProbeAsync(cancellationToken);

        public async Task RemoveAsync(string key, CancellationToken cancellationToken)
        {
            await (BeforeRemove?.Invoke() ?? Task.CompletedTask);
            await files.RemoveAsync(key, cancellationToken);
            await (AfterRemove?.Invoke() ?? Task.CompletedTask);
        }

        public IAsyncEnumerable<(string Key, DateTimeOffset Changed)> ListAsync(CancellationToken cancellationToken) => files.ListAsync(cancellationToken);
    }
}
