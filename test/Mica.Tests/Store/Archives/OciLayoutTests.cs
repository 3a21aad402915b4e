using System.Collections.Immutable;
using System.Text;
using Mica.Linux;
using Mica.Oci;
using Mica.Store;
using Mica.Tests.Linux;
using Mica.Tests.Oci;

namespace Mica.Tests.Store.Archives;

public sealed class OciLayoutTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly SampleImage _image = SampleImage.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Create_New_HasTheFilesOfALayout()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await _image.WriteToAsync(layout, "v1", Cancellation);

        string[] names = [.. Directory.EnumerateFiles(_scratch.Path, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(_scratch.Path, path)).Order(StringComparer.Ordinal)];
        Assert.Equal([.. _image.Descriptors.Select(one => $"blobs/sha256/{one.Digest.Hex}").Order(StringComparer.Ordinal), "index.json", "oci-layout"], names);
        Assert.Equal("""{"imageLayoutVersion":"1.0.0"}""", await File.ReadAllTextAsync(_scratch.Combine("oci-layout"), Cancellation));
        Assert.Equal(
            $$$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{{{_image.Manifest.Digest}}}","size":{{{_image.Manifest.Size}}},"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}""",
            await File.ReadAllTextAsync(_scratch.Combine("index.json"), Cancellation));
    }

    [Fact]
    public async Task Create_ExistingLayout_KeepsItsImages()
    {
        await _image.WriteToAsync(await OciLayout.CreateAsync(_scratch.Path, Cancellation), "v1", Cancellation);

        OciLayout again = await OciLayout.CreateAsync(_scratch.Path, Cancellation);

        Assert.Equal(_image.Manifest.Digest, (await again.ResolveAsync("v1", Cancellation))?.Digest);
    }

    [Fact]
    public async Task Create_DirectoryWithOtherFiles_IsRefused()
    {
        _scratch.WriteFile("notes.txt", "mine");

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => OciLayout.CreateAsync(_scratch.Path, Cancellation));

        Assert.Equal(ErrorKind.AlreadyExists, error.Kind);
        Assert.Contains("notes.txt", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_AfterAWriterWasKilled_DeletesWhatItLeft()
    {
        await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        _scratch.WriteFile(".mica-staged-99999-1", "half a blob");

        await OciLayout.CreateAsync(_scratch.Path, Cancellation);

        Assert.False(File.Exists(_scratch.Combine(".mica-staged-99999-1")));
    }

    [Fact]
    public async Task Create_WhileAnotherWrites_LeavesItsFile()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        var content = new PausedStream(_image[_image.Layers[1]]);
        Task write = layout.WriteAsync(_image.Layers[1], content, Cancellation).AsTask();
        await content.Started;

        await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        content.Resume();
        await write;

        Assert.True(await layout.ExistsAsync(_image.Layers[1], Cancellation));
    }

    [Theory]
    [InlineData(null, ErrorKind.NotFound, "no oci-layout")]
    [InlineData("""{"imageLayoutVersion":"2.0.0"}""", ErrorKind.Unsupported, "version 2.0.0")]
    [InlineData("""{"imageLayoutVersion":1}""", ErrorKind.ContentMismatch, "malformed")]
    [InlineData("no json", ErrorKind.ContentMismatch, "malformed")]
    [InlineData("[]", ErrorKind.ContentMismatch, "malformed")]
    public async Task Open_NotALayout_SaysWhy(string? marker, ErrorKind kind, string problem)
    {
        if (marker is not null)
        {
            _scratch.WriteFile("oci-layout", marker);
        }

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => OciLayout.OpenAsync(_scratch.Path, Cancellation));

        Assert.Equal(kind, error.Kind);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.StartsWith($"oci:{_scratch.Path}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_NoDirectory_IsNotFound()
    {
        MicaException error = await Assert.ThrowsAsync<MicaException>(() => OciLayout.OpenAsync(_scratch.Combine("none"), Cancellation));

        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.EndsWith("no such directory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tag_SameImageTwice_HasBothNames()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await _image.WriteToAsync(layout, "v1", Cancellation);
        await layout.TagAsync(_image.Manifest, "docker.io/library/x:v1", Cancellation);

        ListedImage listed = Assert.Single(await layout.ListAsync(Cancellation));

        Assert.Equal(["v1", "docker.io/library/x:v1"], listed.Names);
        Assert.Equal("docker.io/library/x:v1", Assert.Single(listed.References).ToString());
    }

    [Fact]
    public async Task Tag_Moves_DropsTheFormerEntry()
    {
        SampleImage other = SampleImage.Create(seed: 2);
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await _image.WriteToAsync(layout, "v1", Cancellation);
        await other.WriteToAsync(layout, "v1", Cancellation);

        ListedImage listed = Assert.Single(await layout.ListAsync(Cancellation));

        Assert.Equal(other.Manifest.Digest, listed.Descriptor.Digest);
        Assert.Equal(other.Manifest.Digest, (await layout.ResolveOnlyAsync(Cancellation)).Digest);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("../x")]
    [InlineData("v1\n")]
    public async Task Tag_NotAName_IsRefused(string tag)
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await layout.TagAsync(_image.Manifest, tag, Cancellation));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
    }

    [Fact]
    public async Task Add_ThenTag_IsOneEntry()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await layout.AddAsync(_image.Manifest, Cancellation);
        await layout.AddAsync(_image.Manifest, Cancellation);
        Assert.Empty(Assert.Single(await layout.ListAsync(Cancellation)).Names);

        await layout.TagAsync(_image.Manifest, "v1", Cancellation);

        Assert.Equal(["v1"], Assert.Single(await layout.ListAsync(Cancellation)).Names);
    }

    [Fact]
    public async Task Tag_ManyWritersAtOnce_LosesNoName()
    {
        await OciLayout.CreateAsync(_scratch.Path, Cancellation);

        await Task.WhenAll(Enumerable.Range(0, 24).Select(async number =>
        {
            OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
            await layout.TagAsync(_image.Manifest, $"v{number}", Cancellation);
        }));

        OciLayout all = await OciLayout.OpenAsync(_scratch.Path, Cancellation);
        Assert.Equal(24, Assert.Single(await all.ListAsync(Cancellation)).Names.Length);
        Assert.Equal(["index.json", "oci-layout"], Directory.EnumerateFiles(_scratch.Path).Select(path => Path.GetFileName(path)).Order());
    }

    [Fact]
    public async Task Resolve_PositionAndManifestOfAnIndex_AreFound()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await _image.WriteToAsync(layout, "v1", Cancellation);
        byte[] json = new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [_image.Manifest] }.ToJson();
        Descriptor index = Descriptor.Of(MediaTypes.OciIndex, json);
        await layout.WriteAsync(index, new MemoryStream(json), Cancellation);
        await layout.TagAsync(index, "v1", Cancellation);

        Assert.Equal(index.Digest, (await layout.ResolveAsync("@0", Cancellation))?.Digest);
        Assert.Null(await layout.ResolveAsync("@1", Cancellation));
        Descriptor? manifest = await layout.ResolveAsync(_image.Manifest.Digest.ToString(), Cancellation);
        Assert.Equal((_image.Manifest.MediaType, _image.Manifest.Size), (manifest?.MediaType, manifest?.Size));
        Assert.Null(await layout.ResolveAsync(_image.Layers[0].Digest.ToString(), Cancellation));
    }

    [Fact]
    public async Task Resolve_NameGivenToTwoImages_NamesBoth()
    {
        SampleImage other = SampleImage.Create(seed: 2);
        await WriteIndexAsync(Named(_image.Manifest, "v1", "amd64"), Named(other.Manifest, "v1", "arm64"));
        OciLayout layout = await OciLayout.OpenAsync(_scratch.Path, Cancellation);

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await layout.ResolveAsync("v1", Cancellation));

        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.Contains($"{other.Manifest.Digest} (linux/arm64)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ResolveOnly_SeveralImages_ListsTheirNames()
    {
        SampleImage other = SampleImage.Create(seed: 2);
        await WriteIndexAsync(Named(_image.Manifest, "v1\u001b[2J", "amd64"), other.Manifest);
        OciLayout layout = await OciLayout.OpenAsync(_scratch.Path, Cancellation);

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await layout.ResolveOnlyAsync(Cancellation));

        Assert.EndsWith(@"holds 2 images; say which: v1\x1b[2J, @1", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"schemaVersion":2,"manifests":[],"manifests":[]}""")]
    [InlineData("""{"schemaVersion":1,"manifests":[]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../../etc/passwd","size":1}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1}]}""")]
    public async Task List_MalformedIndex_IsRefused(string json)
    {
        await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        _scratch.WriteFile("index.json", json);
        OciLayout layout = await OciLayout.OpenAsync(_scratch.Path, Cancellation);

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await layout.ListAsync(Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.Contains("index.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_IndexTooBig_IsRefusedUnread()
    {
        await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        using (FileStream index = File.OpenWrite(_scratch.Combine("index.json")))
        {
            index.SetLength(1L << 40);
        }

        OciLayout layout = await OciLayout.OpenAsync(_scratch.Path, Cancellation);
        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await layout.ListAsync(Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    [Fact]
    public async Task Open_BlobIsASymbolicLink_IsNotFollowed()
    {
        (OciLayout layout, string blob) = await WithBlobAsync();
        string secret = Path.Join(Path.GetTempPath(), Path.GetFileName(_scratch.Path) + "-secret");
        File.Move(blob, secret);
        File.CreateSymbolicLink(blob, secret);

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await layout.OpenAsync(_image.Layers[0], Cancellation));

        File.Delete(secret);
        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.Contains("symbolic link", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_BlobsDirectoryLeadsOut_StaysInside()
    {
        (OciLayout layout, _) = await WithBlobAsync();
        using var outside = new ScratchDirectory();
        Directory.Move(_scratch.Combine("blobs/sha256"), outside.Combine("sha256"));
        Directory.CreateSymbolicLink(_scratch.Combine("blobs/sha256"), outside.Combine("sha256"));

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await layout.OpenAsync(_image.Layers[0], Cancellation));

        Assert.Equal(ErrorKind.NotFound, error.Kind);
    }

    [Fact]
    public async Task Write_BlobsDirectoryLeadsOut_WritesNothingThere()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        using var outside = new ScratchDirectory();
        Directory.CreateSymbolicLink(_scratch.Combine("blobs"), outside.Path);

        await Assert.ThrowsAnyAsync<MicaException>(async () => await layout.WriteAsync(_image.Layers[0], new MemoryStream(_image[_image.Layers[0]]), Cancellation));

        Assert.Empty(Directory.EnumerateFileSystemEntries(outside.Path));
    }

    [Fact]
    public async Task Open_BlobIsAFifo_DoesNotWait()
    {
        (OciLayout layout, string blob) = await WithBlobAsync();
        File.Delete(blob);
        using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(blob)!);
        Assert.Equal(Errno.None, directory.TryMakeNode(Encoding.UTF8.GetBytes(Path.GetFileName(blob)), FileKind.Fifo, 0x1a4, 0, 0));

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await layout.OpenAsync(_image.Layers[0], Cancellation));

        Assert.Contains("not a regular file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_OverADamagedBlob_ReplacesIt()
    {
        (OciLayout layout, string blob) = await WithBlobAsync();
        await File.WriteAllTextAsync(blob, "short", Cancellation);

        await layout.WriteAsync(_image.Layers[0], new MemoryStream(_image[_image.Layers[0]]), Cancellation);

        Assert.Equal(_image[_image.Layers[0]], await File.ReadAllBytesAsync(blob, Cancellation));
    }

    [Fact]
    public async Task Write_NotPermitted_NamesTheLayout()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        Directory.Delete(_scratch.Path, recursive: true);
        await File.WriteAllTextAsync(_scratch.Path, "a file now", Cancellation);

        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await layout.WriteAsync(_image.Layers[0], new MemoryStream(_image[_image.Layers[0]]), Cancellation));

        File.Delete(_scratch.Path);
        Directory.CreateDirectory(_scratch.Path);
        Assert.StartsWith($"oci:{_scratch.Path}: ", error.Message, StringComparison.Ordinal);
    }

    private static Descriptor Named(Descriptor descriptor, string name, string architecture) => descriptor with
    {
        Annotations = ImmutableSortedDictionary<string, string>.Empty.Add("org.opencontainers.image.ref.name", name),
        Platform = new Platform { Os = "linux", Architecture = architecture },
    };

    private async Task<(OciLayout Layout, string Blob)> WithBlobAsync()
    {
        OciLayout layout = await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await _image.WriteToAsync(layout, "v1", Cancellation);
        return (layout, _scratch.Combine($"blobs/sha256/{_image.Layers[0].Digest.Hex}"));
    }

    private async Task WriteIndexAsync(params Descriptor[] entries)
    {
        await OciLayout.CreateAsync(_scratch.Path, Cancellation);
        await File.WriteAllBytesAsync(_scratch.Combine("index.json"), new ImageIndex { Manifests = [.. entries] }.ToJson(), Cancellation);
    }
}
