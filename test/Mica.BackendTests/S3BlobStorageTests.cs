using System.Net;
using System.Net.Http.Headers;
using Mica.BackendTests.Lab;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;
using Mica.Tests.RegistryServer.Storage;

namespace Mica.BackendTests;

[Collection(BackendCollection.Name)]
public sealed class S3BlobStorageTests(Backends backends) : BlobStorageContract, IAsyncLifetime
{
    private readonly List<S3BlobStorage> _storages = [];
    private S3Options _options = null!;

    /// <summary>Another replica each time.</summary>
    private protected override IBlobStorage Storage => Open();

    public async ValueTask InitializeAsync() => _options = await backends.S3Async("contract/");

    public ValueTask DisposeAsync()
    {
        foreach (S3BlobStorage storage in _storages)
        {
            storage.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private S3BlobStorage Open(S3Options? options = null, S3Patience? patience = null, long memory = 64 * Mebibyte, TimeSpan? slow = null)
    {
        var storage = new S3BlobStorage(options ?? _options, 1L << 36, TimeProvider.System, patience, memory, slow);
        _storages.Add(storage);
        return storage;
    }

    [Theory]
    [InlineData(0, 1000)]
    [InlineData(0, 20 * Mebibyte)]
    [InlineData(1000, 1000)]
    [InlineData(9 * Mebibyte, 1000)]
    public async Task Append_TwoAtTheSameOffset_TheOtherOneLeavesTheWinnerWhole(int first, int length)
    {
        byte[] start = Bytes(first);
        Upload before = first == 0 ? NewUpload() : await AppendAsync(NewUpload(), start);
        Upload[] both = await Task.WhenAll(AppendAsync(before, Bytes(length, 2)), AppendAsync(before, Bytes(length, 3)));

        await Storage.DiscardAsync(before, both[0], Token);
        string key = await Storage.CompleteAsync(both[1], Token);

        Assert.True(start.Concat(Bytes(length, 3)).SequenceEqual(await ReadAsync(key, 0, first + length)));
        Assert.Equal([key], await KeysOfAsync(before));
    }

    [Fact]
    public async Task Append_PartOverwrittenByOtherBytes_IsRefusedAndNeverMixed()
    {
        Upload before = await AppendAsync(NewUpload(), Bytes(9 * Mebibyte));
        Upload winner = await AppendAsync(before, Bytes(20 * Mebibyte, 2));
        await AppendAsync(before, Bytes(20 * Mebibyte, 3));

        RefusedException refused = await Assert.ThrowsAsync<RefusedException>(() => Storage.CompleteAsync(winner, Token));

        Assert.Equal(ErrorCode.BlobUploadInvalid, refused.Code);
        await Storage.AbandonAsync(winner, Token);
        Assert.Empty(await KeysOfAsync(winner));
    }

    [Fact]
    public async Task Append_SameBytesSentAgain_CompleteAsTheyAre()
    {
        byte[] bytes = Bytes(29 * Mebibyte);
        Upload before = await AppendAsync(NewUpload(), bytes.AsMemory(0, 9 * Mebibyte));
        Upload winner = await AppendAsync(before, bytes.AsMemory(9 * Mebibyte));
        await Storage.DiscardAsync(before, await AppendAsync(before, bytes.AsMemory(9 * Mebibyte)), Token);

        string key = await Storage.CompleteAsync(winner, Token);

        Assert.True(Same(bytes, await ReadAsync(key, 0, bytes.Length)));
    }

    [Fact]
    public async Task Append_BehindTheLast_IsRefused()
    {
        Upload closed = await AppendAsync(NewUpload(), Bytes(9 * Mebibyte), isLast: true);

        RefusedException refused = await Assert.ThrowsAsync<RefusedException>(() => AppendAsync(closed, Bytes(1)));

        Assert.Equal(ErrorCode.BlobUploadInvalid, refused.Code);
    }

    [Fact]
    public async Task Append_SlowClientsHoldAllMemory_OthersGetItAndAllBecomesWhole()
    {
        S3BlobStorage storage = Open(memory: 16 * Mebibyte, slow: TimeSpan.FromMilliseconds(200));
        byte[] bytes = Bytes(10 * Mebibyte);
        SlowStream[] slow = [.. Enumerable.Range(0, 4).Select(_ => new SlowStream(bytes))];
        Task<Upload>[] waiting = [.. slow.Select(stream => storage.AppendAsync(NewUpload(), stream, isLast: false, Token))];

        Upload fast = await storage.AppendAsync(NewUpload(), new MemoryStream(bytes), isLast: false, Token).WaitAsync(TimeSpan.FromSeconds(30), Token);
        bool anyWaited = waiting.Any(task => !task.IsCompleted);
        foreach (SlowStream stream in slow)
        {
            stream.GoOn();
        }

        Upload[] all = [fast, .. await Task.WhenAll(waiting)];

        Assert.True(anyWaited);
        foreach (Upload upload in all)
        {
            string key = await storage.CompleteAsync(upload, Token);
            Assert.True(Same(bytes, await ReadAsync(key, 0, bytes.Length)));
            Assert.Equal([key], await KeysOfAsync(upload));
        }
    }

    [Fact]
    public async Task RemoveUnfinished_TakesThoseWhoseUploadIsGone()
    {
        Upload alive = await AppendAsync(NewUpload(), Bytes(9 * Mebibyte));
        Upload gone = await AppendAsync(NewUpload(), Bytes(9 * Mebibyte));

        int removed = await Storage.RemoveUnfinishedAsync(id => Task.FromResult(id != gone.Id), Token);

        Assert.Equal(1, removed);
        await Storage.CompleteAsync(alive, Token);
        await Assert.ThrowsAsync<RefusedException>(() => Storage.CompleteAsync(gone, Token));
    }

    [Fact]
    public async Task List_MoreThanAPage_TellsAll()
    {
        S3BlobStorage storage = Open(_options with { Prefix = "many/" });
        await Parallel.ForAsync(0, 1010, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token }, async (_, token) =>
            await storage.CompleteAsync(await storage.AppendAsync(NewUpload(), new MemoryStream([1]), isLast: true, token), token));

        var keys = new HashSet<string>();
        await foreach ((string key, _) in storage.ListAsync(Token))
        {
            Assert.True(keys.Add(key));
        }

        Assert.Equal(1010, keys.Count);
    }

    [Fact]
    public async Task Redirect_SignedAddress_ServesRangesToAnybody()
    {
        byte[] bytes = Bytes(1000);
        S3BlobStorage storage = Open(_options with { RedirectFrom = 1000 });
        string key = await storage.CompleteAsync(await AppendAsync(NewUpload(), bytes), Token);
        Uri? address = await storage.RedirectAsync(key, 1000);
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Range = new RangeHeaderValue(10, 19);

        using HttpResponseMessage answer = await client.SendAsync(request, Token);
        using HttpResponseMessage forged = await client.GetAsync(new Uri(address!.AbsoluteUri.Replace(key, key[..^1] + "0", StringComparison.Ordinal)), Token);

        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        Assert.Equal(bytes[10..20], await answer.Content.ReadAsByteArrayAsync(Token));
        Assert.NotEqual(HttpStatusCode.OK, forged.StatusCode);
        Assert.DoesNotContain("SECRETTEST", address.AbsoluteUri, StringComparison.Ordinal);
        Assert.Null(await storage.RedirectAsync(key, 999));
        Assert.Null(await Open().RedirectAsync(key, 1000));
    }

    [Theory]
    [InlineData(S3Fate.InternalError)]
    [InlineData(S3Fate.SlowDown)]
    [InlineData(S3Fate.Silence)]
    [InlineData(S3Fate.Breaks)]
    [InlineData(S3Fate.AnswerLost)]
    [InlineData(S3Fate.AnswerCut)]
    public async Task Work_EverySecondRequestFails_IsDoneAllTheSame(S3Fate fate)
    {
        await using S3Proxy proxy = await S3Proxy.StartAsync(_options.Endpoint!);
        S3BlobStorage storage = Open(
            _options with { Endpoint = proxy.Address },
            new S3Patience { Timeout = TimeSpan.FromSeconds(1.5), MinRate = 64 * Mebibyte, Delay = TimeSpan.FromMilliseconds(10), Attempts = 8 });
        proxy.Decide = (_, _, number) => number % 2 == 1 ? fate : S3Fate.Passes;
        byte[] bytes = Bytes(20 * Mebibyte);

        Upload upload = await storage.AppendAsync(NewUpload(), new MemoryStream(bytes, 0, 9 * Mebibyte), isLast: false, Token);
        upload = await storage.AppendAsync(upload, new MemoryStream(bytes, 9 * Mebibyte, 11 * Mebibyte), isLast: false, Token);
        string key = await storage.CompleteAsync(upload, Token);
        await using Stream stream = await storage.OpenAsync(key, 0, bytes.Length, Token);
        using var read = new MemoryStream();
        await stream.CopyToAsync(read, Token);

        Assert.True(proxy.Failures > 5);
        Assert.True(Same(bytes, read.ToArray()));
        await storage.RemoveAsync(key, Token);
        Assert.Empty(await KeysOfAsync(upload));
    }

    [Theory]
    [InlineData(S3Fate.SlowDown)]
    [InlineData(S3Fate.Silence)]
    public async Task Work_EveryRequestFails_IsUnavailable(S3Fate fate)
    {
        await using S3Proxy proxy = await S3Proxy.StartAsync(_options.Endpoint!);
        S3BlobStorage storage = Open(
            _options with { Endpoint = proxy.Address },
            new S3Patience { Timeout = TimeSpan.FromSeconds(0.3), Delay = TimeSpan.FromMilliseconds(10), Attempts = 3 });
        proxy.Decide = (_, _, _) => fate;

        MicaException[] errors =
        [
            await Assert.ThrowsAsync<MicaException>(() => storage.AppendAsync(NewUpload(), new MemoryStream(Bytes(10)), isLast: true, Token)),
            await Assert.ThrowsAsync<MicaException>(() => storage.OpenAsync("0123", 0, 10, Token)),
            await Assert.ThrowsAsync<MicaException>(() => storage.ProbeAsync(Token)),
        ];

        Assert.All(errors, error => Assert.Equal(ErrorKind.Unavailable, error.Kind));
    }

    [Fact]
    public async Task Check_WrongKeyOrBucket_IsRefusedWithoutTheSecret()
    {
        foreach (S3Options wrong in (S3Options[])[_options with { Bucket = "nowhere" }, _options with { AccessKey = "AKIDWRONG" }])
        {
            MicaException error = await Assert.ThrowsAsync<MicaException>(() => Open(wrong).ProbeAsync(Token));

            Assert.Equal(ErrorKind.PermissionDenied, error.Kind);
            Assert.DoesNotContain("SECRETTEST", error.ToString(), StringComparison.Ordinal);
        }
    }

    /// <summary>Some bytes at once, and the others when told.</summary>
    private sealed class SlowStream(byte[] bytes) : MemoryStream(bytes)
    {
        private readonly TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void GoOn() => _more.SetResult();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position > Length / 2)
            {
                await _more.Task.WaitAsync(cancellationToken);
            }

            return await base.ReadAsync(buffer, cancellationToken);
        }
    }
}
