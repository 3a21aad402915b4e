using System.Diagnostics;
using System.IO.Compression;
using System.Security.Cryptography;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Tests.Linux;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Layers;

public sealed class LayerUnpackerTests : IDisposable
{
    private readonly ApplyFixture _fixture = new();

    public static TheoryData<UnpackThreads> Threads => [UnpackThreads.One, UnpackThreads.Two];

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(UnpackThreads.One, LayerCompression.None)]
    [InlineData(UnpackThreads.One, LayerCompression.Gzip)]
    [InlineData(UnpackThreads.One, LayerCompression.Zstd)]
    [InlineData(UnpackThreads.Two, LayerCompression.None)]
    [InlineData(UnpackThreads.Two, LayerCompression.Gzip)]
    [InlineData(UnpackThreads.Two, LayerCompression.Zstd)]
    public async Task Unpack_AnyCompression_GivesTreeDiffIdAndSizes(UnpackThreads threads, LayerCompression compression)
    {
        byte[] large = new byte[9 << 20];
        new Random(1).NextBytes(large.AsSpan(0, large.Length / 2));
        byte[] tar = Tar.Of(Dir("d"), File("d/large", large), File("d/small", "x"));
        var progress = new Recorder();
        byte[] blob = Compress(tar, compression);

        UnpackedLayer layer = await UnpackAsync(new MemoryStream(blob), threads, progress);

        Assert.Equal((Digest.Of(tar), tar.Length, compression), (layer.DiffId, layer.TarBytes, layer.Compression));
        Assert.Equal((3L, large.Length + 1L), (layer.Applied.Entries, layer.Applied.ContentBytes));
        Assert.Equal(SHA256.HashData(large), SHA256.HashData(await System.IO.File.ReadAllBytesAsync(Path.Combine(_fixture.Layer, "d/large"), TestContext.Current.CancellationToken)));
        Assert.Equal(blob.Length, progress.Values[^1]);
        Assert.Equal(progress.Values.Order(), progress.Values);
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public async Task Unpack_BytesBehindTheArchive_BelongToTheDiffId(UnpackThreads threads)
    {
        byte[] tar = [.. Tar.Of(File("f", "x")), .. new byte[3 << 20], 1, 2, 3];
        using var blob = new MemoryStream([.. Compress(tar[..5000], LayerCompression.Gzip), .. Compress(tar[5000..], LayerCompression.Gzip)]);

        UnpackedLayer layer = await UnpackAsync(blob, threads);

        Assert.Equal((Digest.Of(tar), tar.Length), (layer.DiffId, layer.TarBytes));
        Assert.Equal(blob.Length, blob.Position);
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public async Task Unpack_TruncatedBlob_IsAMismatch(UnpackThreads threads)
    {
        byte[] blob = Compress(Tar.Of(File("f", RandomNumberGenerator.GetBytes(1 << 20))), LayerCompression.Gzip);

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => UnpackAsync(new MemoryStream(blob[..^1000]), threads));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public async Task Unpack_ReadFails_IsThatFailure(UnpackThreads threads)
    {
        byte[] blob = Tar.Of(File("f", new byte[10 << 20]));
        var broken = new TrackedStream(blob) { BreakAfter = 7 << 20 };

        IOException error = await Assert.ThrowsAsync<IOException>(() => UnpackAsync(broken, threads));

        Assert.Equal("the cable was cut", error.Message);
        AssertReaderHasEnded(broken, threads);
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public async Task Unpack_ApplyFails_NamesTheEntryAndStopsReading(UnpackThreads threads)
    {
        byte[] tar = Tar.Of(File("f", "x"), Dir("d"), File("f/g", "x"), File("rest", new byte[24 << 20]));
        var blob = new TrackedStream(tar);

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => UnpackAsync(blob, threads));

        Assert.Equal("f: not a directory (ENOTDIR)", error.Message);
        Assert.True(blob.Position < tar.Length / 2);
        AssertReaderHasEnded(blob, threads);
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public async Task Unpack_CancelledOnTheWay_StopsSoon(UnpackThreads threads)
    {
        using var cancel = new CancellationTokenSource();
        byte[] tar = Tar.Of(File("f", new byte[24 << 20]));
        var blob = new TrackedStream(tar);
        var progress = new Recorder { OnReport = value => { if (value > 2 << 20) { cancel.Cancel(); } } };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LayerUnpacker.UnpackAsync(
            blob, _fixture.Target, ApplyFixture.Options, threads, progress, cancel.Token));

        Assert.True(blob.Position < tar.Length / 2);
        AssertReaderHasEnded(blob, threads);
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public async Task Unpack_Bomb_StopsAtTheLimit(UnpackThreads threads)
    {
        byte[] tar = [.. Tar.Of(File("f", "x")), .. new byte[32 << 20]];
        LayerApplyOptions options = ApplyFixture.Options with { MaxUnpackedBytes = 1 << 20 };

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => LayerUnpacker.UnpackAsync(
            new MemoryStream(Compress(tar, LayerCompression.Gzip)), _fixture.Target, options, threads, null, TestContext.Current.CancellationToken));

        Assert.Equal("the layer unpacks to more than 1048576 bytes, the limit; --max-layer-size accepts more", error.Message);
    }

    [Fact]
    public async Task Unpack_DiskFull_SaysSoAndWhere()
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "mounting needs root");
        using var scratch = new ScratchDirectory();
        Assert.SkipUnless(OverlayMount.Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", scratch.Path) == 0, "tmpfs cannot be mounted here");
        try
        {
            using DirectoryHandle target = DirectoryHandle.Open(scratch.Path);
            using var blob = new MemoryStream(Tar.Of(Dir("d"), File("d/fits", "x"), File("d/big", new byte[4 << 20])));

            MicaException error = await Assert.ThrowsAsync<MicaException>(() => LayerUnpacker.UnpackAsync(
                blob, target, ApplyFixture.Options, UnpackThreads.Two, null, TestContext.Current.CancellationToken));

            Assert.Equal((ErrorKind.Failed, "d/big: write: no space left on device (ENOSPC)"), (error.Kind, error.Message));
        }
        finally
        {
            OverlayMount.Unmount(scratch.Path);
        }
    }

    [Fact]
    public async Task Unpack_RealTree_IsWhatGnuTarMakesOfIt()
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "ownership needs root");
        using var scratch = new ScratchDirectory();
        string archive = scratch.Combine("a.tar");
        string[] parts = ["usr/sbin", "usr/share/perl5", "usr/share/zoneinfo", "usr/bin/perl", "usr/bin/perl5.36.0", "usr/bin/sudo", "usr/bin/passwd", "etc", "dev/null"];
        string[] present = [.. parts.Where(part => Path.Exists("/" + part))];
        Run("tar", ["--format=pax", "--xattrs", "-C", "/", "-cf", archive, .. present]);
        scratch.Handle.TryMakeDirectory("gnu"u8, 0x1ed);
        Run("tar", ["-xpf", archive, "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", scratch.Combine("gnu")]);

        using (FileStream blob = System.IO.File.OpenRead(archive))
        {
            UnpackedLayer layer = await UnpackAsync(blob, UnpackThreads.Two);
            Assert.True(layer.Applied.Entries > 50);
        }

        // GNU tar has its own times for directories that the archive implies: give ours those.
        foreach (string implied in new[] { ".", "usr", "usr/share", "usr/bin", "usr/lib", "dev" }.Where(name => Path.Exists(Path.Combine(_fixture.Layer, name))))
        {
            Run("touch", ["-r", scratch.Combine("gnu/" + implied), Path.Combine(_fixture.Layer, implied)]);
        }

        Assert.Equal(TreePrinter.Print(scratch.Combine("gnu"), times: true).Split('\n'), TreePrinter.Print(_fixture.Layer, times: true).Split('\n'));
    }

    private static byte[] Compress(byte[] tar, LayerCompression compression)
    {
        using var result = new MemoryStream();
        using (Stream stream = compression switch
        {
            LayerCompression.Gzip => new GZipStream(result, CompressionLevel.Fastest, leaveOpen: true),
            LayerCompression.Zstd => new ZstdSharp.CompressionStream(result, leaveOpen: true),
            _ => new BufferedStream(result),
        })
        {
            stream.Write(tar);
            stream.Flush();
            return compression == LayerCompression.None ? result.ToArray() : Finish(stream, result);
        }
    }

    private static byte[] Finish(Stream stream, MemoryStream result)
    {
        stream.Dispose();
        return result.ToArray();
    }

    /// <summary>With one thread, that thread brings the result, and so ends a moment after it.</summary>
    private static void AssertReaderHasEnded(TrackedStream blob, UnpackThreads threads) =>
        Assert.True(threads == UnpackThreads.One || !blob.Reader!.IsAlive);

    private static void Run(string command, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors);
    }

    private Task<UnpackedLayer> UnpackAsync(Stream blob, UnpackThreads threads, IProgress<long>? progress = null) => LayerUnpacker.UnpackAsync(
        blob, _fixture.Target, ApplyFixture.Options, threads, progress, TestContext.Current.CancellationToken);

    private sealed class Recorder : IProgress<long>
    {
        public List<long> Values { get; } = [];

        public Action<long>? OnReport { get; init; }

        public void Report(long value)
        {
            Values.Add(value);
            OnReport?.Invoke(value);
        }
    }

    /// <summary>Knows who reads it, and can break.</summary>
    private sealed class TrackedStream(byte[] content) : MemoryStream(content)
    {
        public long BreakAfter { get; init; } = long.MaxValue;

        public Thread? Reader { get; private set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            Reader = Thread.CurrentThread;
            return Position >= BreakAfter ? throw new IOException("the cable was cut") : base.Read(buffer, offset, count);
        }
    }
}
