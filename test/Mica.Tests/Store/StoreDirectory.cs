using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Store;

/// <summary>A directory for a store, which any number of stores may open, and a clock that they share.</summary>
internal sealed class StoreDirectory : IDisposable
{
    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("mica-store-");

    public string Root => Path.Join(_parent.FullName, "store");

    public FakeTimeProvider Time { get; } = new();

    public Task<ImageStore> OpenAsync(Action<string>? failpoint = null) => ImageStore.OpenAsync(
        new StoreOptions
        {
            Root = Root,
            Time = Time,
            Platform = new Platform { Os = "linux", Architecture = "amd64" },
            Durable = false,
            Failpoint = failpoint,
        },
        TestContext.Current.CancellationToken);

    /// <summary>Copies content into the store and makes it an image.</summary>
    public static async Task<NameMove?> AddAsync(
        ImageStore store, MemoryContent content, Descriptor root, string? name, string cause = "pull",
        Func<Descriptor, Descriptor, bool>? include = null)
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        await using StoreLease lease = await store.LeaseAsync("test", cancellationToken);
        using var copy = new ContentCopy(content, lease, new ContentCopyOptions { Include = include }, progress: null);
        await copy.CopyAsync(root, cancellationToken);
        return await lease.CommitImageAsync(root, name is null ? null : ImageReference.Parse(name), cause, cancellationToken);
    }

    public void Dispose() => _parent.Delete(recursive: true);
}
