using Mica.Oci;

namespace Mica.Tests.Oci;

/// <summary>What an <see cref="IContentSource"/> does whose bytes are wrong. For every one that lives outside this process.</summary>
public abstract class DamagedSourceContract
{
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected SampleImage Image { get; } = SampleImage.Create();

    /// <summary>A source that holds <see cref="Image"/>, but the bytes it has for <paramref name="descriptor"/> are <paramref name="content"/>.</summary>
    protected abstract ValueTask<IContentSource> CreateDamagedAsync(Descriptor descriptor, byte[] content);

    [Fact]
    public async Task Open_BytesDoNotMatchDigest_ThrowsBeforeEndOfStream()
    {
        byte[] content = [.. Image[Image.Layers[0]]];
        content[^1] ^= 1;

        await AssertMismatchAsync(Image.Layers[0], content);
    }

    [Fact]
    public async Task Open_BytesAreTooFew_ThrowsBeforeEndOfStream() =>
        await AssertMismatchAsync(Image.Layers[0], Image[Image.Layers[0]][..^1]);

    [Fact]
    public async Task Open_BytesAreTooMany_ThrowsBeforeEndOfStream() =>
        await AssertMismatchAsync(Image.Layers[0], [.. Image[Image.Layers[0]], 0]);

    [Fact]
    public async Task Open_ManifestBytesDoNotMatchDigest_ThrowsBeforeEndOfStream()
    {
        byte[] content = [.. Image[Image.Manifest]];
        content[^1] = (byte)' ';

        await AssertMismatchAsync(Image.Manifest, content);
    }

    private async Task AssertMismatchAsync(Descriptor descriptor, byte[] content)
    {
        IContentSource source = await CreateDamagedAsync(descriptor, content);

        MicaException error = await Assert.ThrowsAnyAsync<MicaException>(() => ReadToEndAsync(source, descriptor));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.Contains(descriptor.Digest.ToString(), error.Message, StringComparison.Ordinal);
    }

    private static async Task ReadToEndAsync(IContentSource source, Descriptor descriptor)
    {
        await using Stream stream = await source.OpenAsync(descriptor, Cancellation);
        await stream.CopyToAsync(Stream.Null, Cancellation);
    }
}
