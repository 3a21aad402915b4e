using Mica.Oci;

namespace Mica.Tests.Oci;

/// <summary>What every <see cref="IResumableSource"/> does beyond being a source.</summary>
public abstract class ResumableSourceContract
{
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected SampleImage Image { get; } = SampleImage.Create();

    /// <summary>A source that holds <see cref="Image"/>.</summary>
    protected abstract ValueTask<IResumableSource> CreateAsync();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(150_001)]
    [InlineData(300_000)]
    public async Task OpenUnverified_AtOffset_IsTheRest(int offset)
    {
        IResumableSource source = await CreateAsync();

        await using Stream stream = await source.OpenUnverifiedAsync(Image.Layers[1], offset, Cancellation);
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Cancellation);

        Assert.Equal(Image[Image.Layers[1]][offset..], copy.ToArray());
    }

    [Fact]
    public async Task OpenUnverified_Manifest_IsItsBytes()
    {
        IResumableSource source = await CreateAsync();

        await using Stream stream = await source.OpenUnverifiedAsync(Image.Manifest, 10, Cancellation);
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Cancellation);

        Assert.Equal(Image[Image.Manifest][10..], copy.ToArray());
    }

    [Fact]
    public async Task OpenUnverified_Unknown_IsNotFound()
    {
        IResumableSource source = await CreateAsync();
        Descriptor unknown = Descriptor.Of(MediaTypes.OciLayer, "unknown"u8);

        MicaException error = await Assert.ThrowsAnyAsync<MicaException>(async () =>
        {
            await using Stream stream = await source.OpenUnverifiedAsync(unknown, 0, Cancellation);
            await stream.CopyToAsync(Stream.Null, Cancellation);
        });

        Assert.Equal(ErrorKind.NotFound, error.Kind);
    }
}
