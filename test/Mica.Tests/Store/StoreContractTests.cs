using Mica.Oci;
using Mica.Store;
using Mica.Tests.Oci;

namespace Mica.Tests.Store;

public sealed class ImageStoreTargetTests : ContentTargetContract, IAsyncLifetime
{
    private readonly StoreFixture _fixture = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    protected override async ValueTask<IContentTarget> CreateEmptyAsync() => await _fixture.CreateAsync();
}

public sealed class StoreLeaseTargetTests : ContentTargetContract, IAsyncLifetime
{
    private readonly StoreFixture _fixture = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    protected override async ValueTask<IContentTarget> CreateEmptyAsync() =>
        await (await _fixture.CreateAsync()).LeaseAsync("test", Cancellation);
}

public sealed class ImageStoreSourceTests : ContentSourceContract, IAsyncLifetime
{
    private readonly StoreFixture _fixture = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    protected override async ValueTask<IContentSource> CreateAsync()
    {
        ImageStore store = await _fixture.CreateAsync();
        await Image.WriteToAsync(store, Tag, Cancellation);
        return store;
    }
}

public sealed class ImageStoreResumableTests : ResumableSourceContract, IAsyncLifetime
{
    private readonly StoreFixture _fixture = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    protected override async ValueTask<IResumableSource> CreateAsync()
    {
        ImageStore store = await _fixture.CreateAsync();
        await Image.WriteToAsync(store, "1.0", Cancellation);
        return store;
    }
}

public sealed class ImageStoreDamageTests : DamagedSourceContract, IAsyncLifetime
{
    private readonly StoreFixture _fixture = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    protected override async ValueTask<IContentSource> CreateDamagedAsync(Descriptor descriptor, byte[] content)
    {
        ImageStore store = await _fixture.CreateAsync();
        await File.WriteAllBytesAsync(Path.Join(store.Root, "blobs", descriptor.Digest.Algorithm, descriptor.Digest.Hex), content, Cancellation);
        return store;
    }
}

/// <summary>Stores for a contract's tests, each in a directory of its own.</summary>
internal sealed class StoreFixture : IAsyncDisposable
{
    private readonly List<(StoreDirectory Directory, ImageStore Store)> _open = [];

    public async Task<ImageStore> CreateAsync()
    {
        var directory = new StoreDirectory();
        ImageStore store = await directory.OpenAsync();
        _open.Add((directory, store));
        return store;
    }

    public async ValueTask DisposeAsync()
    {
        foreach ((StoreDirectory directory, ImageStore store) in _open)
        {
            await store.DisposeAsync();
            directory.Dispose();
        }
    }
}
