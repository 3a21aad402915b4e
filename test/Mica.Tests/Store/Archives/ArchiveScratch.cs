using Mica.Oci;
using Mica.Store;
using Mica.Tests.Linux;
using Mica.Tests.Oci;

namespace Mica.Tests.Store.Archives;

/// <summary>A directory for the archives of one test; closes them when the test ends.</summary>
internal sealed class ArchiveScratch : IDisposable
{
    private readonly ScratchDirectory _directory = new();
    private readonly List<ImageArchive> _open = [];
    private int _last;

    public string Path => _directory.Path;

    public string Spool => _directory.Combine("spool");

    public ImageArchiveOptions Options => new(Spool);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public string Combine(string name) => _directory.Combine(name);

    /// <summary>Puts the bytes into a file.</summary>
    public string Write(byte[] archive)
    {
        string path = _directory.Combine($"archive{_last++}.tar");
        File.WriteAllBytes(path, archive);
        return path;
    }

    public async Task<ImageArchive> OpenAsync(byte[] archive) => Keep(await ImageArchive.OpenAsync(Write(archive), Options, Cancellation));

    public ImageArchive Keep(ImageArchive archive)
    {
        _open.Add(archive);
        return archive;
    }

    /// <summary>Writes an archive with one image, named in the layout alone, and opens it.</summary>
    public async Task<ImageArchive> SaveAsync(SampleImage image, string name)
    {
        var memory = new MemoryContent();
        await image.WriteToAsync(memory, name, Cancellation);
        return await OpenAsync(await SaveAsync(memory, [new ArchivedImage(image.Manifest, []) { Name = name }], new ImageArchiveWriterOptions()));
    }

    public static async Task<byte[]> SaveAsync(IContentSource source, IReadOnlyList<ArchivedImage> images, ImageArchiveWriterOptions options)
    {
        using var archive = new MemoryStream();
        await new ImageArchiveWriter(source, options, progress: null).WriteAsync(images, archive, Cancellation);
        return archive.ToArray();
    }

    public void Dispose()
    {
        _open.ForEach(archive => archive.Dispose());
        _directory.Dispose();
    }
}
