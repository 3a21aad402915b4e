using Mica.Oci;
using Mica.RegistryServer.Blobs;

namespace Mica.Tests.RegistryServer.Storage;

public sealed class PartTests
{
    private const long Mebibyte = 1 << 20;

    [Theory]
    [InlineData(1L << 30)]
    [InlineData(80_000 * Mebibyte)]
    [InlineData((80_000 * Mebibyte) + 1)]
    [InlineData(1L << 40)]
    [InlineData(5L << 40)]
    public void PartSizes_TenThousandParts_HaveRoomForTheLargestBlob(long largest)
    {
        var sizes = new PartSizes(largest);
        long sum = 0;
        for (int part = 0; part < S3UploadState.MaxParts; part++)
        {
            Assert.InRange(sizes.After(part), 8 * Mebibyte, sizes.Largest);
            sum += sizes.After(part);
        }

        Assert.True(sum >= largest);
        Assert.InRange(sizes.Largest, 8 * Mebibyte, Math.Max(8 * Mebibyte, largest / 4000));
    }

    [Fact]
    public async Task PartMemory_IsShort_ServesInOrderAndForgetsWhoGaveUp()
    {
        var memory = new PartMemory(10);
        PartBuffer first = await memory.TakeAsync(8, 8, CancellationToken.None);
        using var cancel = new CancellationTokenSource();
        Task<PartBuffer> large = memory.TakeAsync(10, 10, cancel.Token);
        Task<PartBuffer> small = memory.TakeAsync(2, 2, CancellationToken.None);

        Assert.True(memory.IsShort);
        Assert.False(small.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large);
        using PartBuffer served = await small;
        Assert.False(memory.IsShort);
        first.Dispose();
        first.Dispose();
        using PartBuffer again = await memory.TakeAsync(8, 8, CancellationToken.None);
        Assert.False(memory.TakeAsync(1, 1, CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task PartBuffer_ReadsWhatWasWritten_AndNothingOnceItIsClosed()
    {
        var memory = new PartMemory(4 * Mebibyte);
        using PartBuffer buffer = await memory.TakeAsync((int)(3 * Mebibyte) - 7, int.MaxValue, CancellationToken.None);
        byte[] bytes = new byte[4 * Mebibyte];
        new Random(1).NextBytes(bytes);
        int written = 0;
        for (int step = 1; !buffer.IsFull; step += 100_000)
        {
            written += buffer.Write(bytes.AsSpan(written, Math.Min(step, bytes.Length - written)));
        }

        Stream reading = buffer.OpenRead();
        using var copy = new MemoryStream();
        await reading.CopyToAsync(copy, TestContext.Current.CancellationToken);
        reading.Position = 1;
        int one = reading.ReadByte();
        await reading.DisposeAsync();

        Assert.Equal((int)(3 * Mebibyte) - 7, written);
        Assert.True(bytes.AsSpan(0, written).SequenceEqual(copy.ToArray()));
        Assert.Equal(bytes[1], one);
        Assert.Throws<ObjectDisposedException>(() => reading.ReadByte());
    }

    [Fact]
    public void UploadState_Printed_ParsesTheSame()
    {
        var state = new S3UploadState
        {
            Key = "k",
            Multipart = "2~\"x\"",
            Parts = ["\"a\"", "\"b\""],
            Tail = "t",
            TailSize = 7,
            Old = "o",
            IsClosed = true,
        };

        S3UploadState parsed = S3UploadState.Parse(state.ToString());

        Assert.Equal(state.Parts, parsed.Parts);
        Assert.Equal(state.ToString(), parsed.ToString());
        Assert.Equal("{}", S3UploadState.Parse(null).ToString());
        Assert.Equal(ErrorKind.Internal, Assert.Throws<MicaException>(() => S3UploadState.Parse("{\"parts\":7}")).Kind);
    }
}
