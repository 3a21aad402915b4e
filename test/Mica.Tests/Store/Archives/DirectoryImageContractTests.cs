using Mica.Oci;
using Mica.Store;
using Mica.Tests.Linux;
using Mica.Tests.Oci;

namespace Mica.Tests.Store.Archives;

public sealed class DirectoryImageSourceTests : ContentSourceContract, IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    /// <summary>The image of a directory has no name, only a place.</summary>
    protected override string Tag => "@0";

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IContentSource> CreateAsync()
    {
        DirectoryImage directory = await DirectoryImage.CreateAsync(_scratch.Path, Cancellation);
        await Image.WriteToAsync(directory, Tag, Cancellation);
        return await DirectoryImage.OpenAsync(_scratch.Path, Cancellation);
    }
}

public sealed class DirectoryImageResumableTests : ResumableSourceContract, IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IResumableSource> CreateAsync()
    {
        DirectoryImage directory = await DirectoryImage.CreateAsync(_scratch.Path, Cancellation);
        await Image.WriteToAsync(directory, "@0", Cancellation);
        return directory;
    }
}

public sealed class DirectoryImageDamagedTests : DamagedSourceContract, IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IContentSource> CreateDamagedAsync(Descriptor descriptor, byte[] content)
    {
        DirectoryImage directory = await DirectoryImage.CreateAsync(_scratch.Path, Cancellation);
        await Image.WriteToAsync(directory, "@0", Cancellation);
        string name = descriptor == Image.Manifest ? descriptor.Digest.Hex + ".manifest.json" : descriptor.Digest.Hex;
        await File.WriteAllBytesAsync(_scratch.Combine(name), content, Cancellation);
        return directory;
    }
}

public sealed class DirectoryImageTargetTests : ContentTargetContract, IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    protected override string Tag => "@0";

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IContentTarget> CreateEmptyAsync() =>
        await DirectoryImage.CreateAsync(_scratch.Combine(Path.GetRandomFileName()), Cancellation);
}
