using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.Tests.RegistryServer.Blobs;

/// <summary>What happens to an upload when requests for it cross each other.</summary>
public sealed class UploadsTests : IAsyncLifetime
{
    private const string Repository = "team/app";

    private readonly string _directory = Directory.CreateTempSubdirectory("mica-uploads-").FullName;
    private SqliteDatabase _metadata = null!;
    private FileBlobStorage _storage = null!;
    private Uploads _uploads = null!;
    private BlobStore _blobs = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _metadata = await SqliteDatabase.OpenAsync(Path.Combine(_directory, "metadata.db"), Cancelled);
        _storage = new FileBlobStorage(Path.Combine(_directory, "blobs"));
        _uploads = new Uploads(_metadata, _storage, new RegistryLimits(), TimeProvider.System);
        _blobs = new BlobStore(_metadata, _storage, new RegistryLimits(), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _metadata.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Cancel_OfAnUploadThatBecameABlobMeanwhile_LeavesTheBlobItsBytes()
    {
        byte[] bytes = RegistryContent.Bytes(100);
        Upload upload = await _uploads.StartAsync(Repository, "me", null, Cancelled);
        Upload seen = await _uploads.FindAsync(Repository, upload.Id, Cancelled);
        await _uploads.CompleteAsync(Repository, upload.Id, Digest.Of(bytes), null, 100, new MemoryStream(bytes), Cancelled);

        await _uploads.CancelAsync(seen, Cancelled);

        StoredBlob blob = (await _blobs.FindAsync(Repository, Digest.Of(bytes), hold: false, Cancelled))!;
        await using Stream stream = await _blobs.OpenAsync(blob, Cancelled);
        Assert.Equal(Digest.Of(bytes), await ContentHash.OfAsync(stream, Digest.Sha256, Cancelled));
    }

    [Fact]
    public async Task Cancel_WhileAChunkComes_RefusesTheChunkAndRemovesItsBytes()
    {
        Upload upload = await _uploads.StartAsync(Repository, "me", null, Cancelled);
        var body = new HeldStream(RegistryContent.Bytes(1 << 20));
        Task<Upload> append = _uploads.AppendAsync(Repository, upload.Id, null, null, body, null, Cancelled);
        await body.Reached;

        await _uploads.CancelAsync(upload, Cancelled);
        body.Release();

        await Assert.ThrowsAsync<RefusedException>(() => append);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_directory, "blobs"), "*", SearchOption.AllDirectories));
        Assert.Equal(0, _uploads.InFlight);
    }

    [Fact]
    public async Task Append_BodyThatBreaksOff_TakesUpNoSpaceAndTheUploadGoesOn()
    {
        byte[] bytes = RegistryContent.Bytes(700_000);
        Upload upload = await _uploads.StartAsync(Repository, "me", null, Cancelled);
        await _uploads.AppendAsync(Repository, upload.Id, null, 1000, new MemoryStream(bytes, 0, 1000), null, Cancelled);
        var broken = new HeldStream(bytes[1000..]) { Failure = new IOException("connection reset") };
        broken.Release();

        await Assert.ThrowsAsync<RefusedException>(
            () => _uploads.AppendAsync(Repository, upload.Id, 1000, null, broken, null, Cancelled));

        string file = Assert.Single(Directory.EnumerateFiles(Path.Combine(_directory, "blobs"), "*", SearchOption.AllDirectories));
        Assert.Equal(1000, new FileInfo(file).Length);
        await _uploads.AppendAsync(Repository, upload.Id, 1000, null, new MemoryStream(bytes[1000..]), null, Cancelled);
        Assert.Equal(
            Digest.Of(bytes), await _uploads.CompleteAsync(Repository, upload.Id, Digest.Of(bytes), null, 0, Stream.Null, Cancelled));
    }

    [Fact]
    public async Task Append_ToUploadsThatAreUnknown_LeavesNothingInMemory()
    {
        for (int number = 0; number < 100; number++)
        {
            await Assert.ThrowsAsync<RefusedException>(
                () => _uploads.AppendAsync(Repository, $"{number:x32}", null, 1, new MemoryStream([1]), null, Cancelled));
        }

        Assert.Equal(0, _uploads.InFlight);
    }

    [Fact]
    public async Task Uploads_ManyThatRest_AreNotAllRememberedAndStillEnd()
    {
        var begun = new List<Upload>();
        for (int number = 0; number < 1100; number++)
        {
            begun.Add(await _uploads.StartAsync(Repository, "me", Digest.Sha256, Cancelled));
        }

        Assert.Equal(1024, _uploads.InFlight);
        byte[] bytes = RegistryContent.Bytes(50);
        Assert.Equal(
            Digest.Of(bytes),
            await _uploads.CompleteAsync(Repository, begun[0].Id, Digest.Of(bytes), null, 50, new MemoryStream(bytes), Cancelled));
    }

    [Fact]
    public async Task Append_LongerThanAnnounced_IsRefused()
    {
        Upload upload = await _uploads.StartAsync(Repository, "me", null, Cancelled);

        RefusedException refused = await Assert.ThrowsAsync<RefusedException>(
            () => _uploads.AppendAsync(Repository, upload.Id, null, 10, new MemoryStream(new byte[11]), null, Cancelled));

        Assert.Equal((400, "SIZE_INVALID"), refused.Answer);
        Assert.Equal(0, (await _uploads.FindAsync(Repository, upload.Id, Cancelled)).Size);
    }

    [Fact]
    public async Task Received_OfABodyWithoutALength_IsCounted()
    {
        var counted = new Uploads(_metadata, _storage, new RegistryLimits(), TimeProvider.System) { Received = new Counter() };
        Upload upload = await counted.StartAsync(Repository, "me", null, Cancelled);

        await counted.AppendAsync(Repository, upload.Id, null, null, new MemoryStream(new byte[1234]), null, Cancelled);

        Assert.Equal(1234, counted.Received.Value);
    }

    /// <summary>Gives half of its bytes, and the rest or its failure when it is let go.</summary>
    private sealed class HeldStream(byte[] bytes) : Stream
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _position;

        public Exception? Failure { get; init; }

        public Task Reached => _reached.Task;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public void Release() => _released.TrySetResult();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int half = bytes.Length / 2;
            if (_position >= half)
            {
                _reached.TrySetResult();
                await _released.Task;
                if (Failure is not null)
                {
                    throw Failure;
                }
            }

            int count = Math.Min(buffer.Length, (_position < half ? half : bytes.Length) - _position);
            bytes.AsMemory(_position, count).CopyTo(buffer);
            _position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
