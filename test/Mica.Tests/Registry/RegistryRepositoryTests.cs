using Mica.Oci;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

public sealed class RegistrySourceTests : ContentSourceContract, IAsyncLifetime
{
    private readonly RegistryFixture _fixture = new();

    public async ValueTask InitializeAsync() => await _fixture.InitializeAsync();

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    protected override ValueTask<IContentSource> CreateAsync()
    {
        _fixture.Registry.Add("library/sample", Image, Tag);
        return ValueTask.FromResult<IContentSource>(_fixture.Repository());
    }
}

public sealed class RegistryResumableTests : ResumableSourceContract, IAsyncLifetime
{
    private readonly RegistryFixture _fixture = new();

    public async ValueTask InitializeAsync() => await _fixture.InitializeAsync();

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    protected override ValueTask<IResumableSource> CreateAsync()
    {
        _fixture.Registry.Add("library/sample", Image);
        return ValueTask.FromResult<IResumableSource>(_fixture.Repository());
    }
}

public sealed class RegistryDamagedTests : DamagedSourceContract, IAsyncLifetime
{
    private readonly RegistryFixture _fixture = new();

    public async ValueTask InitializeAsync() => await _fixture.InitializeAsync();

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    protected override ValueTask<IContentSource> CreateDamagedAsync(Descriptor descriptor, byte[] content)
    {
        _fixture.Registry.Add("library/sample", Image);
        TestRepository repository = _fixture.Registry.Repository("library/sample");
        if (MediaTypes.IsDocument(descriptor.MediaType))
        {
            repository.Manifests[descriptor.Digest] = (descriptor.MediaType, content);
        }
        else
        {
            repository.Blobs[descriptor.Digest] = content;
        }

        return ValueTask.FromResult<IContentSource>(_fixture.Repository());
    }
}

public sealed class RegistryTargetTests : ContentTargetContract, IAsyncLifetime
{
    private readonly RegistryFixture _fixture = new();

    public async ValueTask InitializeAsync() => await _fixture.InitializeAsync();

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    protected override ValueTask<IContentTarget> CreateEmptyAsync() => ValueTask.FromResult<IContentTarget>(_fixture.Repository());
}
