using System.Security.Cryptography;
using Mica.Oci;

namespace Mica.Tests.Oci;

/// <summary>What every <see cref="IContentTarget"/> does beyond being a source. Derive once per implementation.</summary>
public abstract class ContentTargetContract
{
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected SampleImage Image { get; } = SampleImage.Create();

    /// <summary>A name that the target takes.</summary>
    protected virtual string Tag => "1.0";

    /// <summary>A target that holds nothing yet.</summary>
    protected abstract ValueTask<IContentTarget> CreateEmptyAsync();

    [Fact]
    public async Task Write_ThenOpen_IsTheSame()
    {
        IContentTarget target = await CreateEmptyAsync();

        await Image.WriteToAsync(target, Tag, Cancellation);

        foreach (Descriptor descriptor in Image.Descriptors)
        {
            Assert.Equal(Image[descriptor], await ReadAsync(target, descriptor));
        }
    }

    [Fact]
    public async Task Exists_BeforeAndAfterWrite_IsFalseThenTrue()
    {
        IContentTarget target = await CreateEmptyAsync();

        Assert.False(await target.ExistsAsync(Image.Layers[0], Cancellation));
        await WriteAsync(target, Image.Layers[0], Image[Image.Layers[0]]);
        Assert.True(await target.ExistsAsync(Image.Layers[0], Cancellation));
    }

    [Fact]
    public async Task Exists_Manifest_IsFalseThenTrue()
    {
        IContentTarget target = await CreateEmptyAsync();

        Assert.False(await target.ExistsAsync(Image.Manifest, Cancellation));
        await Image.WriteToAsync(target, Tag, Cancellation);
        Assert.True(await target.ExistsAsync(Image.Manifest, Cancellation));
    }

    [Fact]
    public async Task Write_Twice_IsNoError()
    {
        IContentTarget target = await CreateEmptyAsync();

        await Image.WriteToAsync(target, Tag, Cancellation);
        await Image.WriteToAsync(target, Tag, Cancellation);

        Assert.Equal(Image[Image.Layers[1]], await ReadAsync(target, Image.Layers[1]));
    }

    [Fact]
    public async Task Write_SameContentManyTimesAtOnce_IsThereOnce()
    {
        IContentTarget target = await CreateEmptyAsync();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => WriteAsync(target, Image.Layers[1], Image[Image.Layers[1]])));

        Assert.Equal(Image[Image.Layers[1]], await ReadAsync(target, Image.Layers[1]));
    }

    [Fact]
    public async Task Write_EmptyContent_IsKept()
    {
        IContentTarget target = await CreateEmptyAsync();
        Descriptor empty = Descriptor.Of(MediaTypes.OciLayer, []);

        await WriteAsync(target, empty, []);

        Assert.Empty(await ReadAsync(target, empty));
    }

    [Fact]
    public async Task Write_Sha512_IsKept()
    {
        IContentTarget target = await CreateEmptyAsync();
        byte[] content = SampleImage.Bytes(5000, 7);
        var descriptor = new Descriptor
        {
            MediaType = MediaTypes.OciLayer,
            Digest = Digest.FromHash(Digest.Sha512, SHA512.HashData(content)),
            Size = content.Length,
        };

        await WriteAsync(target, descriptor, content);

        Assert.Equal(content, await ReadAsync(target, descriptor));
    }

    [Fact]
    public async Task Write_BytesDoNotMatchDigest_ThrowsAndStoresNothing()
    {
        byte[] content = [.. Image[Image.Layers[1]]];
        content[^1] ^= 1;

        await AssertRefusedAsync(Image.Layers[1], content);
    }

    [Fact]
    public async Task Write_BytesAreTooFew_ThrowsAndStoresNothing() =>
        await AssertRefusedAsync(Image.Layers[1], Image[Image.Layers[1]][..^1]);

    [Fact]
    public async Task Write_BytesAreTooMany_ThrowsAndStoresNothing() =>
        await AssertRefusedAsync(Image.Layers[1], [.. Image[Image.Layers[1]], 0]);

    [Fact]
    public async Task Write_SmallBytesDoNotMatchDigest_ThrowsAndStoresNothing()
    {
        byte[] content = [.. Image[Image.Config]];
        content[^1] ^= 1;

        await AssertRefusedAsync(Image.Config, content);
    }

    [Fact]
    public async Task Write_AfterAFailedOne_Succeeds()
    {
        await AssertRefusedAsync(Image.Layers[1], []);

        IContentTarget target = await CreateEmptyAsync();
        await WriteAsync(target, Image.Layers[1], Image[Image.Layers[1]]);

        Assert.True(await target.ExistsAsync(Image.Layers[1], Cancellation));
    }

    [Fact]
    public async Task Write_SourceFails_ThrowsAndStoresNothing()
    {
        IContentTarget target = await CreateEmptyAsync();
        using var failing = new FailingStream(Image[Image.Layers[1]], 100_000);

        await Assert.ThrowsAnyAsync<Exception>(async () => await target.WriteAsync(Image.Layers[1], failing, Cancellation));

        Assert.False(await target.ExistsAsync(Image.Layers[1], Cancellation));
    }

    [Fact]
    public async Task Write_Returns_LeavesTheStreamOpen()
    {
        IContentTarget target = await CreateEmptyAsync();
        var content = new MemoryStream(Image[Image.Layers[0]]);

        await target.WriteAsync(Image.Layers[0], content, Cancellation);

        Assert.True(content.CanRead);
    }

    [Fact]
    public async Task Write_CancelledBefore_Throws()
    {
        IContentTarget target = await CreateEmptyAsync();
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await target.WriteAsync(Image.Layers[1], new MemoryStream(Image[Image.Layers[1]]), cancelled.Token));

        Assert.False(await target.ExistsAsync(Image.Layers[1], Cancellation));
    }

    [Fact]
    public async Task Tag_ThenResolve_IsTheDescriptor()
    {
        IContentTarget target = await CreateEmptyAsync();

        await Image.WriteToAsync(target, Tag, Cancellation);
        Descriptor? found = await target.ResolveAsync(Tag, Cancellation);

        Assert.NotNull(found);
        Assert.Equal(Image.Manifest.Digest, found.Digest);
        Assert.Equal(Image.Manifest.Size, found.Size);
        Assert.Equal(Image.Manifest.MediaType, found.MediaType);
    }

    [Fact]
    public async Task Tag_OfAnother_Moves()
    {
        IContentTarget target = await CreateEmptyAsync();
        SampleImage other = SampleImage.Create(seed: 2);

        await Image.WriteToAsync(target, Tag, Cancellation);
        await other.WriteToAsync(target, Tag, Cancellation);

        Assert.Equal(other.Manifest.Digest, (await target.ResolveAsync(Tag, Cancellation))?.Digest);
        Assert.Equal(Image[Image.Manifest], await ReadAsync(target, Image.Manifest));
    }

    [Fact]
    public async Task Copy_OfAnImage_BringsEverything()
    {
        IContentTarget target = await CreateEmptyAsync();
        var source = new MemoryContent();
        await Image.WriteToAsync(source, "source", Cancellation);

        using var copy = new ContentCopy(source, target, new ContentCopyOptions(), progress: null);
        await copy.CopyAsync(Image.Manifest, Cancellation);
        await target.TagAsync(Image.Manifest, Tag, Cancellation);

        Assert.Equal(Image.Manifest.Digest, (await target.ResolveAsync(Tag, Cancellation))?.Digest);
        foreach (Descriptor descriptor in Image.Descriptors)
        {
            Assert.Equal(Image[descriptor], await ReadAsync(target, descriptor));
        }
    }

    private static async Task WriteAsync(IContentTarget target, Descriptor descriptor, byte[] content) =>
        await target.WriteAsync(descriptor, new MemoryStream(content), Cancellation);

    private static async Task<byte[]> ReadAsync(IContentSource source, Descriptor descriptor)
    {
        await using Stream stream = await source.OpenAsync(descriptor, Cancellation);
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Cancellation);
        return copy.ToArray();
    }

    private async Task AssertRefusedAsync(Descriptor descriptor, byte[] content)
    {
        IContentTarget target = await CreateEmptyAsync();

        MicaException error = await Assert.ThrowsAnyAsync<MicaException>(() => WriteAsync(target, descriptor, content));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.Contains(descriptor.Digest.ToString(), error.Message, StringComparison.Ordinal);
        Assert.False(await target.ExistsAsync(descriptor, Cancellation));
    }
}
