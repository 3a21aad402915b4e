using Mica.Oci;
using Mica.Tests.Oci;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Store.Archives;

public sealed class ImageArchiveSourceTests : ContentSourceContract, IDisposable
{
    private readonly ArchiveScratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IContentSource> CreateAsync() => await _scratch.SaveAsync(Image, Tag);
}

public sealed class ImageArchiveResumableTests : ResumableSourceContract, IDisposable
{
    private readonly ArchiveScratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IResumableSource> CreateAsync() => await _scratch.SaveAsync(Image, "1.0");
}

public sealed class ImageArchiveDamagedTests : DamagedSourceContract, IDisposable
{
    private readonly ArchiveScratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    protected override async ValueTask<IContentSource> CreateDamagedAsync(Descriptor descriptor, byte[] content) =>
        await _scratch.OpenAsync(Of([
            File("oci-layout", """{"imageLayoutVersion":"1.0.0"}"""),
            File("index.json", new ImageIndex { Manifests = [Image.Manifest] }.ToJson()),
            .. Image.Descriptors.Select(one => File($"blobs/sha256/{one.Digest.Hex}", one == descriptor ? content : Image[one])),
        ]));
}
