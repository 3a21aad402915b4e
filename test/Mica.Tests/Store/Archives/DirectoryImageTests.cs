using Mica.Oci;
using Mica.Store;
using Mica.Tests.Linux;
using Mica.Tests.Oci;

namespace Mica.Tests.Store.Archives;

public sealed class DirectoryImageTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly SampleImage _image = SampleImage.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Tag_Manifest_HasTheFilesThatSkopeoWrites()
    {
        await _image.WriteToAsync(await DirectoryImage.CreateAsync(_scratch.Path, Cancellation), "any", Cancellation);

        Assert.Equal([.. _image.Layers.Prepend(_image.Config).Select(one => one.Digest.Hex).Order(StringComparer.Ordinal), "manifest.json", "version"], Files());
        Assert.Equal("Directory Transport Version: 1.1\n", await File.ReadAllTextAsync(_scratch.Combine("version"), Cancellation));
        Assert.Equal(_image[_image.Manifest], await File.ReadAllBytesAsync(_scratch.Combine("manifest.json"), Cancellation));
    }

    [Fact]
    public async Task Tag_Index_KeepsItsManifestsUnderTheirDigests()
    {
        DirectoryImage directory = await DirectoryImage.CreateAsync(_scratch.Path, Cancellation);
        (Descriptor index, byte[] json) = await WriteIndexAsync(directory);

        Assert.Equal(json, await File.ReadAllBytesAsync(_scratch.Combine("manifest.json"), Cancellation));
        Assert.Contains(_image.Manifest.Digest.Hex + ".manifest.json", Files());
        Assert.Equal(index.Digest, (await directory.ResolveOnlyAsync(Cancellation)).Digest);
        Assert.Equal(MediaTypes.OciManifest, (await directory.ResolveAsync(_image.Manifest.Digest.ToString(), Cancellation))?.MediaType);
    }

    [Fact]
    public async Task RemoveUnused_AfterAnotherImage_LeavesOnlyIt()
    {
        DirectoryImage directory = await DirectoryImage.CreateAsync(_scratch.Path, Cancellation);
        await WriteIndexAsync(directory);
        SampleImage other = SampleImage.Create(seed: 2);
        await other.WriteToAsync(directory, "any", Cancellation);
        _scratch.WriteFile("signature-1", "theirs");

        await directory.RemoveUnusedAsync(Cancellation);

        Assert.Equal(
            [.. other.Layers.Prepend(other.Config).Select(one => one.Digest.Hex).Order(StringComparer.Ordinal), "manifest.json", "signature-1", "version"],
            Files());
    }

    [Fact]
    public async Task RemoveUnused_OfAnIndex_KeepsAllOfIt()
    {
        DirectoryImage directory = await DirectoryImage.CreateAsync(_scratch.Path, Cancellation);
        await WriteIndexAsync(directory);
        string[] before = Files();

        await directory.RemoveUnusedAsync(Cancellation);

        Assert.Equal(before, Files());
    }

    [Fact]
    public async Task Create_DirectoryWithOtherFiles_IsRefused()
    {
        _scratch.WriteFile("notes.txt", "mine");

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => DirectoryImage.CreateAsync(_scratch.Path, Cancellation));

        Assert.Equal(ErrorKind.AlreadyExists, error.Kind);
        Assert.Contains("notes.txt", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Directory Transport Version: 2.0\n", ErrorKind.Unsupported)]
    [InlineData("a file of mine", ErrorKind.ContentMismatch)]
    public async Task Open_OtherVersion_IsRefused(string version, ErrorKind kind)
    {
        _scratch.WriteFile("version", version);

        Assert.Equal(kind, (await Assert.ThrowsAsync<MicaException>(() => DirectoryImage.OpenAsync(_scratch.Path, Cancellation))).Kind);
        Assert.Equal(kind, (await Assert.ThrowsAsync<MicaException>(() => DirectoryImage.CreateAsync(_scratch.Path, Cancellation))).Kind);
    }

    [Theory]
    [InlineData("", "there is no manifest.json in it")]
    [InlineData("none", "no such directory")]
    public async Task Open_NoImage_IsNotFound(string name, string problem)
    {
        MicaException error = await Assert.ThrowsAsync<MicaException>(() => DirectoryImage.OpenAsync(_scratch.Combine(name), Cancellation));

        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.EndsWith(problem, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", ErrorKind.ContentMismatch)]
    [InlineData("no json", ErrorKind.ContentMismatch)]
    [InlineData("""{"schemaVersion":1,"fsLayers":[]}""", ErrorKind.Unsupported)]
    public async Task List_ManifestThatIsNone_IsRefused(string manifest, ErrorKind kind)
    {
        _scratch.WriteFile("manifest.json", manifest);
        DirectoryImage directory = await DirectoryImage.OpenAsync(_scratch.Path, Cancellation);

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await directory.ListAsync(Cancellation));

        Assert.Equal(kind, error.Kind);
    }

    [Fact]
    public async Task Open_BlobIsASymbolicLink_IsNotFollowed()
    {
        DirectoryImage directory = await DirectoryImage.CreateAsync(_scratch.Path, Cancellation);
        File.CreateSymbolicLink(_scratch.Combine(_image.Config.Digest.Hex), "/etc/passwd");

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await directory.OpenAsync(_image.Config, Cancellation));

        Assert.Contains("symbolic link", error.Message, StringComparison.Ordinal);
    }

    private string[] Files() => [.. Directory.EnumerateFileSystemEntries(_scratch.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private async Task<(Descriptor Index, byte[] Json)> WriteIndexAsync(DirectoryImage directory)
    {
        foreach (Descriptor descriptor in _image.Descriptors)
        {
            await directory.WriteAsync(descriptor, new MemoryStream(_image[descriptor]), Cancellation);
        }

        byte[] json = new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [_image.Manifest] }.ToJson();
        Descriptor index = Descriptor.Of(MediaTypes.OciIndex, json);
        await directory.WriteAsync(index, new MemoryStream(json), Cancellation);
        await directory.TagAsync(index, "any", Cancellation);
        return (index, json);
    }
}
