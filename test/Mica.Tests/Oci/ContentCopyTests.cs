using Mica.Oci;

namespace Mica.Tests.Oci;

public sealed class ContentCopyTests
{
    private readonly MemoryContent _source = new();
    private readonly MemoryContent _target = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Copy_IndexOfManyManifests_HasFewInMemory()
    {
        Descriptor index = Index([.. Enumerable.Range(0, 200).Select(Manifest)]);
        var counting = new CountingEnds(_source, _target);

        using (var copy = new ContentCopy(counting, counting, new ContentCopyOptions(), progress: null))
        {
            await copy.CopyAsync(index, Cancellation);
        }

        Assert.InRange(counting.MostManifests, 1, new ContentCopyOptions().Concurrency);
        Assert.True(await _target.ExistsAsync(index, Cancellation));
    }

    [Fact]
    public async Task Copy_NestedIndexes_AreCopiedWhole()
    {
        Descriptor index = Manifest(0);
        for (int depth = 0; depth < 7; depth++)
        {
            index = Index(index, Manifest(depth), Manifest(depth + 1));
        }

        await CopyAsync(_source, index);

        Image image = await Image.OpenAsync(_target, index, Platform.Parse("linux/amd64"), Cancellation);
        Assert.Equal(index, image.Root);
    }

    [Fact]
    public async Task Copy_IndexesNestedTooDeep_AreRefused()
    {
        Descriptor index = Manifest(0);
        for (int depth = 0; depth < 9; depth++)
        {
            index = Index(index);
        }

        var error = await Assert.ThrowsAsync<MicaException>(() => CopyAsync(_source, index));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.False(await _target.ExistsAsync(index, Cancellation));
    }

    [Theory]
    [InlineData(MediaTypes.OciManifest)]
    [InlineData(MediaTypes.OciIndex)]
    public async Task Copy_LayerThatSaysItIsADocument_IsRefusedWithoutWaitingForItself(string mediaType)
    {
        // A chain of manifests, each a layer of the next, that is longer than the slots there are.
        Descriptor manifest = Manifest(0);
        for (int length = 0; length < 7; length++)
        {
            manifest = _source.Add(MediaTypes.OciManifest, new ImageManifest
            {
                MediaType = MediaTypes.OciManifest,
                Config = _source.Add(MediaTypes.OciConfig, "{}"u8.ToArray()),
                Layers = [manifest with { MediaType = mediaType }],
            }.ToJson());
        }

        var error = await Assert.ThrowsAsync<MicaException>(() => CopyAsync(_source, manifest).WaitAsync(TimeSpan.FromSeconds(20), Cancellation));

        Assert.Equal(ErrorKind.Unsupported, error.Kind);
    }

    [Fact]
    public async Task Copy_OneBlobMissing_SaysThatRatherThanCancelled()
    {
        Descriptor index = Index(Manifest(1), Manifest(2), _source.Add(MediaTypes.OciManifest, new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = new Descriptor { MediaType = MediaTypes.OciConfig, Digest = Digest.Of("missing"u8), Size = 7 },
        }.ToJson()));

        var error = await Assert.ThrowsAsync<MicaException>(() => CopyAsync(_source, index));

        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.False(await _target.ExistsAsync(index, Cancellation));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(ManifestDocument.MaxSize + 1L)]
    [InlineData(long.MaxValue)]
    public async Task ReadDocument_SizeThatCannotBe_IsRefused(long size)
    {
        Descriptor descriptor = Manifest(0) with { Size = size };

        var error = await Assert.ThrowsAsync<MicaException>(() => _source.ReadDocumentAsync(descriptor, Cancellation).AsTask());

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    private async Task CopyAsync(IContentSource source, Descriptor root)
    {
        using var copy = new ContentCopy(source, _target, new ContentCopyOptions(), progress: null);
        await copy.CopyAsync(root, Cancellation);
    }

    private Descriptor Manifest(int seed)
    {
        Descriptor layer = _source.Add(MediaTypes.OciLayer, SampleImage.Bytes(100, seed));
        byte[] config = System.Text.Encoding.UTF8.GetBytes(
            $"{{\"os\":\"linux\",\"architecture\":\"amd64\",\"author\":\"{seed}\",\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"{layer.Digest}\"]}}}}");
        return _source.Add(MediaTypes.OciManifest, new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = _source.Add(MediaTypes.OciConfig, config),
            Layers = [layer],
        }.ToJson());
    }

    private Descriptor Index(params Descriptor[] entries) =>
        _source.Add(MediaTypes.OciIndex, new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [.. entries] }.ToJson());

    /// <summary>Both ends of a copy, which count the manifests that have been read and not yet been written.</summary>
    private sealed class CountingEnds(MemoryContent source, MemoryContent target) : IContentTarget
    {
        private readonly Lock _lock = new();
        private int _manifests;

        public int MostManifests { get; private set; }

        public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) =>
            source.ResolveAsync(reference, cancellationToken);

        public async ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken)
        {
            if (MediaTypes.IsManifest(descriptor.MediaType))
            {
                lock (_lock)
                {
                    MostManifests = Math.Max(MostManifests, ++_manifests);
                }
            }

            await Task.Yield();
            return await source.OpenAsync(descriptor, cancellationToken);
        }

        public ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
            target.ExistsAsync(descriptor, cancellationToken);

        public async ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken)
        {
            await target.WriteAsync(expected, content, cancellationToken);
            if (MediaTypes.IsManifest(expected.MediaType))
            {
                lock (_lock)
                {
                    _manifests--;
                }
            }
        }

        public ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken) =>
            target.TagAsync(descriptor, tag, cancellationToken);
    }
}
