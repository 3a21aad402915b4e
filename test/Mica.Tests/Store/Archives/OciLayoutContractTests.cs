using Mica.Oci;
using Mica.Store;
using Mica.Tests.Linux;
using Mica.Tests.Oci;

namespace Mica.Tests.Store.Archives;

public sealed class OciLayoutSourceTests : ContentSourceContract, IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IContentSource> CreateAsync()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await Image.WriteToAsync(layout, Tag, Cancellation);
        return await OciLayout.OpenAsync(_scratch.Path, Cancellation);
    }
}

public sealed class OciLayoutResumableTests : ResumableSourceContract, IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IResumableSource> CreateAsync()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await Image.WriteToAsync(layout, "1.0", Cancellation);
        return layout;
    }
}

public sealed class OciLayoutDamagedTests : DamagedSourceContract, IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IContentSource> CreateDamagedAsync(Descriptor descriptor, byte[] content)
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await Image.WriteToAsync(layout, "1.0", Cancellation);
        await File.WriteAllBytesAsync(_scratch.Combine($"blobs/sha256/{descriptor.Digest.Hex}"), content, Cancellation);
        return layout;
    }
}

public sealed class OciLayoutTargetTests : ContentTargetContract, IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IContentTarget> CreateEmptyAsync() =>
        await OciLayout.CreateAsync(_scratch.Combine(Path.GetRandomFileName()), Cancellation);
}
