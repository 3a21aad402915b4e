using Mica.Oci;

namespace Mica.Tests.Oci;

public sealed class MemorySourceTests : ContentSourceContract
{
    protected override async ValueTask<IContentSource> CreateAsync()
    {
        var memory = new MemoryContent();
        await Image.WriteToAsync(memory, Tag, Cancellation);
        return memory;
    }
}

public sealed class MemoryTargetTests : ContentTargetContract
{
    protected override ValueTask<IContentTarget> CreateEmptyAsync() => ValueTask.FromResult<IContentTarget>(new MemoryContent());
}
