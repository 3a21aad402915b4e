using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Mica.Oci;

namespace Mica.Tests.Oci;

public sealed class ContentCopyGraphTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Copy_AnImage_WritesChildrenBeforeParents()
    {
        (MemoryContent source, Descriptor index, _) = TwoImages();
        var target = new Recording(new MemoryContent());

        await CopyAsync(source, target, index);

        Digest[] order = [.. target.Written];
        Assert.Equal(order.Length, order.Distinct().Count());
        Assert.Equal(index.Digest, order[^1]);
        foreach (Descriptor manifest in await ChildrenAsync(source, index))
        {
            foreach (Descriptor child in await ChildrenAsync(source, manifest))
            {
                Assert.True(Array.IndexOf(order, child.Digest) < Array.IndexOf(order, manifest.Digest));
            }
        }
    }

    [Fact]
    public async Task Copy_SharedBlob_MovesOnce()
    {
        (MemoryContent inner, Descriptor index, Descriptor shared) = TwoImages();
        var source = new Recording(inner);
        var progress = new Events();

        await CopyAsync(source, new MemoryContent(), index, progress: progress);

        Assert.Single(source.Opened, shared.Digest);
        Assert.Single(progress.OfType<BlobCompleted>(), completed => completed.Descriptor.Digest == shared.Digest);
    }

    [Fact]
    public async Task Copy_ConfigOfAManifest_ComesBeforeItsLayers()
    {
        (MemoryContent source, Descriptor index, _) = TwoImages();
        var target = new Recording(new MemoryContent());
        Descriptor manifest = (await ChildrenAsync(source, index))[0];

        await CopyAsync(source, target, manifest);

        Assert.Equal((await ChildrenAsync(source, manifest))[0].Digest, target.Written.First());
    }

    [Fact]
    public async Task Copy_WhatIsThere_IsNotRead()
    {
        (MemoryContent inner, Descriptor index, _) = TwoImages();
        var target = new MemoryContent();
        await CopyAsync(inner, target, index);
        var source = new Recording(inner);
        var progress = new Events();

        await CopyAsync(source, target, index, progress: progress);

        Assert.All(source.Opened, digest => Assert.NotNull(ManifestDocument.Sniff(source.Bytes(digest))));
        Assert.Equal(5, progress.OfType<BlobExisted>().Count());
        Assert.Empty(progress.OfType<BlobTransferred>());
    }

    [Fact]
    public async Task Copy_Include_LeavesOutAndKeepsTheIndexWhole()
    {
        (MemoryContent source, Descriptor index, _) = TwoImages();
        Descriptor[] manifests = await ChildrenAsync(source, index);
        var target = new Recording(new MemoryContent());

        await CopyAsync(source, target, index, new ContentCopyOptions { Include = (_, child) => child.Digest != manifests[1].Digest });

        Assert.Contains(index.Digest, target.Written);
        Assert.Contains(manifests[0].Digest, target.Written);
        Assert.DoesNotContain(manifests[1].Digest, target.Written);
        Assert.Equal(5, target.Written.Count);
    }

    [Fact]
    public async Task Copy_OneBlobFails_CancelsTheOthersAndThrowsThatFailure()
    {
        (MemoryContent inner, Descriptor index, Descriptor shared) = TwoImages();
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var source = new Recording(inner)
        {
            BeforeOpen = async (descriptor, cancellationToken) =>
            {
                if (descriptor.Digest == shared.Digest)
                {
                    await waiting.Task;
                    throw new MicaException(ErrorKind.Unavailable, "the registry is gone");
                }

                if (MediaTypes.IsLayer(descriptor.MediaType))
                {
                    waiting.TrySetResult();
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }
            },
        };
        var target = new Recording(new MemoryContent());

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => CopyAsync(source, target, index));

        Assert.Equal("the registry is gone", error.Message);
        Assert.DoesNotContain(index.Digest, target.Written);
    }

    [Fact]
    public async Task Copy_Cancelled_Throws()
    {
        (MemoryContent inner, Descriptor index, _) = TwoImages();
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var source = new Recording(inner)
        {
            BeforeOpen = async (descriptor, cancellationToken) =>
            {
                if (MediaTypes.IsLayer(descriptor.MediaType))
                {
                    await cancellation.CancelAsync();
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }
            },
        };
        using var copy = new ContentCopy(source, new MemoryContent(), new ContentCopyOptions(), progress: null);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => copy.CopyAsync(index, cancellation.Token));
    }

    [Fact]
    public async Task Copy_WrongBytes_FailsAndTagsNothing()
    {
        (MemoryContent inner, Descriptor index, Descriptor shared) = TwoImages();
        var source = new Recording(inner) { Replace = descriptor => descriptor.Digest == shared.Digest ? new byte[descriptor.Size] : null };
        var target = new Recording(new MemoryContent());

        await Assert.ThrowsAsync<DigestMismatchException>(() => CopyAsync(source, target, index));

        Assert.DoesNotContain(shared.Digest, target.Written);
        Assert.DoesNotContain(index.Digest, target.Written);
    }

    [Fact]
    public async Task Copy_DocumentThatIsTooBig_IsNotRead()
    {
        var source = new Recording(new MemoryContent());
        var huge = new Descriptor { MediaType = MediaTypes.OciManifest, Digest = Digest.Of([]), Size = ManifestDocument.MaxSize + 1 };

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => CopyAsync(source, new MemoryContent(), huge));

        Assert.Contains($"a document may have {ManifestDocument.MaxSize}", error.Message, StringComparison.Ordinal);
        Assert.Empty(source.Opened);
    }

    [Theory]
    [InlineData(7, true)]
    [InlineData(9, false)]
    public async Task Copy_NestedIndexes_AreBounded(int depth, bool copied)
    {
        (MemoryContent source, Descriptor root, _) = TwoImages();
        for (int i = 1; i < depth; i++)
        {
            root = source.Add(MediaTypes.OciIndex, new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [root] }.ToJson());
        }

        if (copied)
        {
            await CopyAsync(source, new MemoryContent(), root);
        }
        else
        {
            Assert.Contains("nested more than 8 deep",
                (await Assert.ThrowsAsync<MicaException>(() => CopyAsync(source, new MemoryContent(), root))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Copy_ManyBlobs_StaysWithinTheConcurrency()
    {
        var inner = new MemoryContent();
        Descriptor[] layers = [.. Enumerable.Range(0, 40).Select(i => inner.Add(MediaTypes.OciLayer, [(byte)i, 7]))];
        Descriptor manifest = AddManifest(inner, 1, layers);
        int now = 0;
        int most = 0;
        var source = new Recording(inner)
        {
            BeforeOpen = async (descriptor, cancellationToken) =>
            {
                if (MediaTypes.IsLayer(descriptor.MediaType))
                {
                    int current = Interlocked.Increment(ref now);
                    InterlockedMax(ref most, current);
                    await Task.Delay(5, cancellationToken);
                    Interlocked.Decrement(ref now);
                }
            },
        };

        await CopyAsync(source, new MemoryContent(), manifest, new ContentCopyOptions { Concurrency = 3 });

        Assert.InRange(most, 2, 3);
    }

    [Fact]
    public async Task Copy_TransferAndKnown_TakeThePlaceOfReading()
    {
        (MemoryContent inner, Descriptor index, Descriptor shared) = TwoImages();
        var source = new Recording(inner);
        var transferred = new ConcurrentBag<Digest>();
        var options = new ContentCopyOptions
        {
            Known = descriptor => source.Bytes(descriptor.Digest),
            Transfer = (descriptor, _) =>
            {
                transferred.Add(descriptor.Digest);
                return ValueTask.CompletedTask;
            },
        };

        await CopyAsync(source, new MemoryContent(), index, options);

        Assert.Equal(3, transferred.Count);
        Assert.Single(transferred, shared.Digest);
        // Only the two configs.
        Assert.Equal(2, source.Opened.Count);
    }

    [Fact]
    public async Task Copy_MountFrom_AsksTheTargetFirst()
    {
        (MemoryContent inner, Descriptor index, Descriptor shared) = TwoImages();
        var source = new Recording(inner);
        var target = new Mounting(new MemoryContent(), shared.Digest);
        var progress = new Events();

        await CopyAsync(source, target, index, new ContentCopyOptions { MountFrom = _ => "library/base" }, progress);

        Assert.DoesNotContain(shared.Digest, source.Opened);
        Assert.Equal(new BlobMounted(shared, "library/base"), Assert.Single(progress.OfType<BlobMounted>()));
        Assert.Equal(4, progress.OfType<BlobCompleted>().Count());
    }

    [Fact]
    public async Task Copy_EmbeddedData_IsUsedOnlyWhenItIsRight()
    {
        (MemoryContent inner, Descriptor index, _) = TwoImages();
        Descriptor manifest = (await ChildrenAsync(inner, index))[0];
        var source = new Recording(inner);

        await CopyAsync(source, new MemoryContent(), manifest with { Data = source.Bytes(manifest.Digest) });
        Assert.DoesNotContain(manifest.Digest, source.Opened);

        await CopyAsync(source, new MemoryContent(), manifest with { Data = Encoding.UTF8.GetBytes("{}") });
        Assert.Contains(manifest.Digest, source.Opened);
    }

    private static async Task CopyAsync(
        IContentSource source, IContentTarget target, Descriptor root, ContentCopyOptions? options = null, IProgress<ProgressEvent>? progress = null)
    {
        using var copy = new ContentCopy(source, target, options ?? new ContentCopyOptions(), progress);
        await copy.CopyAsync(root, Cancellation);
    }

    /// <summary>An index of two images that share one of their two layers each.</summary>
    private static (MemoryContent Source, Descriptor Index, Descriptor Shared) TwoImages()
    {
        var source = new MemoryContent();
        Descriptor shared = source.Add(MediaTypes.OciLayerGzip, SampleImage.Bytes(700_000, 1));
        Descriptor[] manifests = [.. Enumerable.Range(1, 2).Select(
            seed => AddManifest(source, seed, shared, source.Add(MediaTypes.OciLayerGzip, SampleImage.Bytes(1000, seed + 10))))];
        return (source, source.Add(MediaTypes.OciIndex, new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [.. manifests] }.ToJson()), shared);
    }

    private static Descriptor AddManifest(MemoryContent source, int seed, params Descriptor[] layers) =>
        source.Add(MediaTypes.OciManifest, new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = source.Add(MediaTypes.OciConfig, Encoding.UTF8.GetBytes($$$"""{"author":"{{{seed}}}","rootfs":{"type":"layers"}}""")),
            Layers = [.. layers],
        }.ToJson());

    private static async Task<Descriptor[]> ChildrenAsync(IContentSource source, Descriptor parent)
    {
        ImmutableArray<Descriptor> children = ManifestDocument.Children(await source.ReadDocumentAsync(parent, Cancellation), parent.MediaType);
        return [.. children];
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (int seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, seen);
        }
    }

    private sealed class Events : IProgress<ProgressEvent>
    {
        private readonly ConcurrentQueue<ProgressEvent> _events = new();

        public void Report(ProgressEvent value) => _events.Enqueue(value);

        public IEnumerable<T> OfType<T>() => _events.OfType<T>();
    }

    /// <summary>Content in memory that notes what is done with it, and does what a test asks before it opens something.</summary>
    private class Recording(MemoryContent inner) : IContentTarget
    {
        public ConcurrentQueue<Digest> Opened { get; } = new();

        public ConcurrentQueue<Digest> Written { get; } = new();

        public Func<Descriptor, CancellationToken, Task>? BeforeOpen { get; init; }

        public Func<Descriptor, byte[]?>? Replace { get; init; }

        public byte[] Bytes(Digest digest)
        {
            using var copy = new MemoryStream();
            Descriptor any = new() { MediaType = "", Digest = digest, Size = 0 };
            Stream stream = inner.OpenAsync(any with { Size = long.MaxValue }, Cancellation).AsTask().GetAwaiter().GetResult();
            byte[] buffer = new byte[1 << 20];
            copy.Write(buffer, 0, stream.Read(buffer, 0, buffer.Length));
            return copy.ToArray();
        }

        public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) => inner.ResolveAsync(reference, cancellationToken);

        public async ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken)
        {
            Opened.Enqueue(descriptor.Digest);
            await (BeforeOpen?.Invoke(descriptor, cancellationToken) ?? Task.CompletedTask);
            return Replace?.Invoke(descriptor) is { } replaced ? new MemoryStream(replaced) : await inner.OpenAsync(descriptor, cancellationToken);
        }

        public ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken) => inner.ExistsAsync(descriptor, cancellationToken);

        public async ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken)
        {
            await inner.WriteAsync(expected, content, cancellationToken);
            Written.Enqueue(expected.Digest);
        }

        public ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken) => inner.TagAsync(descriptor, tag, cancellationToken);
    }

    private sealed class Mounting(MemoryContent inner, Digest mountable) : Recording(inner), IMountingTarget
    {
        public ValueTask<bool> TryMountAsync(Descriptor descriptor, string sourceRepository, CancellationToken cancellationToken) =>
            ValueTask.FromResult(descriptor.Digest == mountable);
    }
}
