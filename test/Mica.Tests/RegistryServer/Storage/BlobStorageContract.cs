using System.IO.Pipelines;
using System.Security.Cryptography;
using Mica.Oci;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;

namespace Mica.Tests.RegistryServer.Storage;

/// <summary>What every storage of blobs does.</summary>
public abstract class BlobStorageContract
{
    private protected const int Mebibyte = 1 << 20;

    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The storage; another object each time where several replicas may use it.</summary>
    private protected abstract IBlobStorage Storage { get; }

    private protected static Upload NewUpload() => new(RandomNumberGenerator.GetHexString(32, lowercase: true), "r", "me", 0, null);

    private protected static byte[] Bytes(int count, int seed = 1)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private protected async Task<Upload> AppendAsync(Upload upload, ReadOnlyMemory<byte> bytes, bool isLast = false) =>
        await Storage.AppendAsync(upload, new MemoryStream(bytes.ToArray()), isLast, Token);

    private protected async Task<byte[]> ReadAsync(string key, long offset, long length)
    {
        await using Stream stream = await Storage.OpenAsync(key, offset, length, Token);
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes, Token);
        return bytes.ToArray();
    }

    private protected static bool Same(byte[] expected, byte[] actual) => expected.AsSpan().SequenceEqual(actual);

    private protected async Task<List<string>> KeysOfAsync(Upload upload)
    {
        var keys = new List<string>();
        await foreach ((string key, _) in Storage.ListAsync(Token))
        {
            if (key.StartsWith(upload.Id, StringComparison.Ordinal))
            {
                keys.Add(key);
            }
        }

        return keys;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    [InlineData(8 * Mebibyte)]
    [InlineData((8 * Mebibyte) + 1)]
    [InlineData((17 * Mebibyte) + 5)]
    public async Task Append_Whole_ReadsBack(int size)
    {
        foreach (bool isLast in (bool[])[false, true])
        {
            byte[] bytes = Bytes(size);
            Upload upload = await AppendAsync(NewUpload(), bytes, isLast);

            string key = await Storage.CompleteAsync(upload, Token);

            Assert.Equal(size, upload.Size);
            Assert.StartsWith(upload.Id, key, StringComparison.Ordinal);
            Assert.True(Same(bytes, await ReadAsync(key, 0, size)));
            Assert.Equal([key], await KeysOfAsync(upload));
        }
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(100_000, 7)]
    [InlineData(3 * Mebibyte, 7)]
    [InlineData(5 * Mebibyte, 4)]
    [InlineData(9 * Mebibyte, 3)]
    public async Task Append_Chunks_ReadBackInOrder(int chunk, int count)
    {
        byte[] bytes = Bytes(chunk * count);
        Upload upload = NewUpload();
        for (int index = 0; index < count; index++)
        {
            upload = await AppendAsync(upload, bytes.AsMemory(index * chunk, chunk), isLast: false);
        }

        string key = await Storage.CompleteAsync(upload, Token);

        Assert.Equal(bytes.Length, upload.Size);
        Assert.True(Same(bytes, await ReadAsync(key, 0, bytes.Length)));
        Assert.Equal([key], await KeysOfAsync(upload));
    }

    [Fact]
    public async Task Append_Nothing_ChangesNothing()
    {
        Upload upload = await AppendAsync(NewUpload(), Bytes(10));

        Assert.Equal(upload, await AppendAsync(upload, ReadOnlyMemory<byte>.Empty));
        Assert.Equal(10, (await ReadAsync(await Storage.CompleteAsync(upload, Token), 0, 10)).Length);
    }

    [Theory]
    [InlineData(0, 100_000)]
    [InlineData(0, 20 * Mebibyte)]
    [InlineData(100_000, 20 * Mebibyte)]
    [InlineData(9 * Mebibyte, 9 * Mebibyte)]
    public async Task Append_BreaksOff_UploadIsAsBefore(int first, int lost)
    {
        byte[] bytes = Bytes(first + (10 * Mebibyte), seed: 2);
        Upload upload = first == 0 ? NewUpload() : await AppendAsync(NewUpload(), bytes.AsMemory(0, first));

        await Assert.ThrowsAsync<EndOfStreamException>(() =>
            Storage.AppendAsync(upload, new BrokenStream(Bytes(lost, seed: 3)), isLast: false, Token));
        upload = await AppendAsync(upload, bytes.AsMemory(first));
        string key = await Storage.CompleteAsync(upload, Token);

        Assert.True(Same(bytes, await ReadAsync(key, 0, bytes.Length)));
        Assert.Equal([key], await KeysOfAsync(upload));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(9 * Mebibyte)]
    public async Task Complete_Repeated_TellsTheSameKey(int size)
    {
        Upload upload = await AppendAsync(NewUpload(), Bytes(size));
        string key = await Storage.CompleteAsync(upload, Token);

        Assert.Equal(key, await Storage.CompleteAsync(upload, Token));
        Assert.Equal(size, (await ReadAsync(key, 0, size)).Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(9 * Mebibyte)]
    public async Task Abandon_LeavesNothing(int size)
    {
        Upload begun = NewUpload();
        Upload upload = await AppendAsync(begun, Bytes(size));

        // Even who does not know how far it has come.
        await Storage.AbandonAsync(begun, Token);
        await Storage.AbandonAsync(upload, Token);

        Assert.Empty(await KeysOfAsync(upload));
    }

    [Fact]
    public async Task Read_Ranges()
    {
        byte[] bytes = Bytes(9 * Mebibyte);
        string key = await Storage.CompleteAsync(await AppendAsync(NewUpload(), bytes), Token);

        Assert.Equal(bytes[..1], await ReadAsync(key, 0, 1));
        Assert.Equal(bytes[^5..], await ReadAsync(key, bytes.Length - 5, 5));
        Assert.Equal(bytes[8388600..8388700], await ReadAsync(key, 8388600, 100));
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 128 * 1024, resumeWriterThreshold: 64 * 1024));
        Task sending = Task.Run(async () =>
        {
            await Storage.SendAsync(key, 77, 3 * Mebibyte, pipe.Writer, Token);
            await pipe.Writer.CompleteAsync();
        }, Token);
        using var sent = new MemoryStream();
        await pipe.Reader.CopyToAsync(sent, Token);
        await sending;
        Assert.True(bytes.AsSpan(77, 3 * Mebibyte).SequenceEqual(sent.ToArray()));
    }

    [Fact]
    public async Task Remove_Repeated_LeavesNothing()
    {
        Upload upload = await AppendAsync(NewUpload(), Bytes(100));
        string key = await Storage.CompleteAsync(upload, Token);
        await Storage.RemoveAsync(key, Token);
        await Storage.RemoveAsync(key, Token);

        Assert.Empty(await KeysOfAsync(upload));
        MicaException error = await Assert.ThrowsAsync<MicaException>(() => Storage.OpenAsync(key, 0, 100, Token));
        Assert.Equal(ErrorKind.NotFound, error.Kind);
    }

    [Fact]
    public async Task List_TellsWhenAKeyChanged()
    {
        Upload upload = await AppendAsync(NewUpload(), Bytes(100));
        string key = await Storage.CompleteAsync(upload, Token);

        DateTimeOffset? changed = null;
        await foreach ((string found, DateTimeOffset when) in Storage.ListAsync(Token))
        {
            changed = found == key ? when : changed;
        }

        Assert.InRange(TimeProvider.System.GetUtcNow() - changed!.Value, TimeSpan.FromMinutes(-1), TimeSpan.FromMinutes(1));
    }

    /// <summary>Bytes, and then the end of the connection.</summary>
    private protected sealed class BrokenStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position == Length ? throw new EndOfStreamException("the client has gone") : base.ReadAsync(buffer, cancellationToken);
    }
}
