using Mica.Oci;

namespace Mica.Tests.Oci;

/// <summary>What every <see cref="IContentSource"/> does. Derive once per implementation.</summary>
public abstract class ContentSourceContract
{
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected SampleImage Image { get; } = SampleImage.Create();

    /// <summary>The name under which the source knows the image.</summary>
    protected virtual string Tag => "1.0";

    /// <summary>A name of the same form that the source does not know.</summary>
    protected virtual string UnknownTag => "unknown";

    /// <summary>A source that holds <see cref="Image"/>, tagged <see cref="Tag"/>.</summary>
    protected abstract ValueTask<IContentSource> CreateAsync();

    [Fact]
    public async Task Resolve_Tag_IsTheManifest()
    {
        IContentSource source = await CreateAsync();

        Descriptor? found = await source.ResolveAsync(Tag, Cancellation);

        Assert.NotNull(found);
        Assert.Equal(Image.Manifest.Digest, found.Digest);
        Assert.Equal(Image.Manifest.Size, found.Size);
        Assert.Equal(Image.Manifest.MediaType, found.MediaType);
    }

    [Fact]
    public async Task Resolve_Digest_IsTheManifest()
    {
        IContentSource source = await CreateAsync();

        Descriptor? found = await source.ResolveAsync(Image.Manifest.Digest.ToString(), Cancellation);

        Assert.NotNull(found);
        Assert.Equal(Image.Manifest.Digest, found.Digest);
        Assert.Equal(Image.Manifest.Size, found.Size);
        Assert.Equal(Image.Manifest.MediaType, found.MediaType);
    }

    [Fact]
    public async Task Resolve_UnknownTag_IsNull()
    {
        IContentSource source = await CreateAsync();

        Assert.Null(await source.ResolveAsync(UnknownTag, Cancellation));
    }

    [Fact]
    public async Task Resolve_UnknownDigest_IsNull()
    {
        IContentSource source = await CreateAsync();

        Assert.Null(await source.ResolveAsync(Digest.Of("nothing"u8).ToString(), Cancellation));
    }

    [Fact]
    public async Task Open_EachDescriptor_IsItsBytes()
    {
        IContentSource source = await CreateAsync();

        foreach (Descriptor descriptor in Image.Descriptors)
        {
            Assert.Equal(Image[descriptor], await ReadAsync(source, descriptor));
        }
    }

    [Fact]
    public async Task Open_ReadInSmallPieces_IsItsBytes()
    {
        IContentSource source = await CreateAsync();
        var copy = new MemoryStream();
        byte[] piece = new byte[333];

        await using Stream stream = await source.OpenAsync(Image.Layers[0], Cancellation);
        for (int count; (count = await stream.ReadAsync(piece, Cancellation)) > 0;)
        {
            await copy.WriteAsync(piece.AsMemory(0, count), Cancellation);
        }

        Assert.Equal(Image[Image.Layers[0]], copy.ToArray());
        Assert.Equal(0, await stream.ReadAsync(piece, Cancellation));
    }

    [Fact]
    public async Task Open_SameContentManyTimesAtOnce_IsItsBytesEachTime()
    {
        IContentSource source = await CreateAsync();

        byte[][] copies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ReadAsync(source, Image.Layers[1])));

        Assert.All(copies, copy => Assert.Equal(Image[Image.Layers[1]], copy));
    }

    [Fact]
    public async Task Open_PartlyReadAndDisposed_DoesNotDisturbTheNext()
    {
        IContentSource source = await CreateAsync();

        await using (Stream stream = await source.OpenAsync(Image.Layers[1], Cancellation))
        {
            await stream.ReadExactlyAsync(new byte[100], Cancellation);
        }

        Assert.Equal(Image[Image.Layers[1]], await ReadAsync(source, Image.Layers[1]));
    }

    [Fact]
    public async Task Open_Unknown_IsNotFound()
    {
        IContentSource source = await CreateAsync();
        Descriptor unknown = Descriptor.Of(MediaTypes.OciLayer, "unknown"u8);

        MicaException error = await Assert.ThrowsAnyAsync<MicaException>(() => ReadAsync(source, unknown));

        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.Contains(unknown.Digest.ToString(), error.Message, StringComparison.Ordinal);
    }

    protected static async Task<byte[]> ReadAsync(IContentSource source, Descriptor descriptor)
    {
        await using Stream stream = await source.OpenAsync(descriptor, Cancellation);
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Cancellation);
        return copy.ToArray();
    }
}
