using System.Collections.Immutable;
using System.Text;
using CsCheck;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;
using Mica.Tests.Oci;

namespace Mica.Tests.Store.Archives;

public sealed class ImageArchiveWriterTests : IDisposable
{
    private readonly ArchiveScratch _scratch = new();
    private readonly MemoryContent _source = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Write_OneImage_HasDockersMembers()
    {
        SampleImage image = await AddAsync(1);

        byte[] archive = await ArchiveScratch.SaveAsync(_source, [Named(image.Manifest, "me/x:1", "x")], new ImageArchiveWriterOptions());

        string[] blobs = [.. image.Descriptors.Select(one => $"-rw-r--r-- 0 0 {one.Size} 0 blobs/sha256/{one.Digest.Hex}").OrderBy(line => line[^64..], StringComparer.Ordinal)];
        Assert.Equal(
        [
            "drwxr-xr-x 0 0 0 0 blobs/",
            "drwxr-xr-x 0 0 0 0 blobs/sha256/",
            .. blobs,
            "-rw-r--r-- 0 0 612 0 index.json",
            "-rw-r--r-- 0 0 296 0 manifest.json",
            "-rw-r--r-- 0 0 30 0 oci-layout",
            "-rw-r--r-- 0 0 163 0 repositories",
        ], Entries(archive).Select(entry => entry.Line));
        Dictionary<string, string> documents = Entries(archive).ToDictionary(entry => entry.Name, entry => Encoding.UTF8.GetString(entry.Content));
        string top = image.Layers[1].Digest.Hex;
        Assert.Equal(
            $$"""[{"Config":"blobs/sha256/{{image.Config.Digest.Hex}}","RepoTags":["x:latest","me/x:1"],"Layers":["blobs/sha256/{{image.Layers[0].Digest.Hex}}","blobs/sha256/{{top}}"]}]""",
            documents["manifest.json"]);
        Assert.Equal($$"""{"me/x":{"1":"{{top}}"},"x":{"latest":"{{top}}"} }""".Replace(" ", "", StringComparison.Ordinal), documents["repositories"]);
        Assert.Contains("\"io.containerd.image.name\":\"docker.io/me/x:1\",\"org.opencontainers.image.ref.name\":\"1\"", documents["index.json"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_Oci_HasNothingOfDocker()
    {
        SampleImage image = await AddAsync(1);

        byte[] archive = await ArchiveScratch.SaveAsync(_source, [new ArchivedImage(image.Manifest, []) { Name = "v1" }], new ImageArchiveWriterOptions { Form = ImageArchiveForm.Oci });

        Assert.Equal(["index.json", "oci-layout"], Entries(archive).Select(entry => entry.Name).Where(name => !name.StartsWith("blobs/", StringComparison.Ordinal)));
        Assert.Equal(["v1"], Assert.Single(await (await _scratch.OpenAsync(archive)).ListAsync(Cancellation)).Names);
    }

    [Fact]
    public async Task Write_SameImagesInAnyOrder_IsTheSameBytes()
    {
        SampleImage first = await AddAsync(1);
        SampleImage second = await AddAsync(2);
        ArchivedImage[] images = [Named(first.Manifest, "b:2", "a:1"), Named(second.Manifest, "c:1"), Named(first.Manifest, "a:1")];

        byte[] once = await ArchiveScratch.SaveAsync(_source, images, new ImageArchiveWriterOptions());
        byte[] again = await ArchiveScratch.SaveAsync(_source, [.. images.Reverse()], new ImageArchiveWriterOptions());

        Assert.Equal(Digest.Of(once), Digest.Of(again));
    }

    [Fact]
    public async Task Write_ImagesWithSharedLayers_HasEachBlobOnce()
    {
        Descriptor layer = _source.Add(MediaTypes.OciLayer, SampleImage.Bytes(5000, 3));
        Descriptor first = AddManifest("""{"a":1}""", layer, layer);
        Descriptor second = AddManifest("""{"a":2}""", layer);

        byte[] archive = await ArchiveScratch.SaveAsync(_source, [Named(first, "a:1"), Named(second, "b:1")], new ImageArchiveWriterOptions());

        Assert.Single(Entries(archive), entry => entry.Name.EndsWith(layer.Digest.Hex, StringComparison.Ordinal));
        Assert.Equal(5, Entries(archive).Count(entry => entry.Name.StartsWith("blobs/sha256/", StringComparison.Ordinal) && entry.Name.Length > 13));
        Assert.Equal(2, (await (await _scratch.OpenAsync(archive)).ListAsync(Cancellation)).Length);
    }

    [Fact]
    public async Task Write_Index_ShowsDockerTheManifestOfThePlatform()
    {
        (Descriptor index, SampleImage amd64, SampleImage arm64) = await AddIndexAsync();
        var options = new ImageArchiveWriterOptions { Platform = Platform.Parse("linux/arm64") };

        byte[] archive = await ArchiveScratch.SaveAsync(_source, [Named(index, "a:1")], options);

        Assert.Contains(arm64.Config.Digest.Hex, Document(archive, "manifest.json"), StringComparison.Ordinal);
        Assert.DoesNotContain(amd64.Config.Digest.Hex, Document(archive, "manifest.json"), StringComparison.Ordinal);
        ImageArchive read = await _scratch.OpenAsync(archive);
        ListedImage listed = Assert.Single(await read.ListAsync(Cancellation));
        Assert.Equal(index.Digest, listed.Descriptor.Digest);
        Assert.All(amd64.Descriptors.Concat(arm64.Descriptors), one => Assert.True(read.Contains(one.Digest)));
    }

    [Fact]
    public async Task Write_IndexWithOnePlatformLeftOut_KeepsTheIndexWhole()
    {
        (Descriptor index, SampleImage amd64, SampleImage arm64) = await AddIndexAsync();
        var options = new ImageArchiveWriterOptions
        {
            Platform = Platform.Parse("linux/amd64"),
            Include = (_, child) => child.Digest != amd64.Manifest.Digest,
        };

        byte[] archive = await ArchiveScratch.SaveAsync(_source, [Named(index, "a:1")], options);

        Assert.Contains(arm64.Config.Digest.Hex, Document(archive, "manifest.json"), StringComparison.Ordinal);
        ImageArchive read = await _scratch.OpenAsync(archive);
        Assert.Equal(index.Digest, (await read.ResolveAsync("a:1", Cancellation))?.Digest);
        Assert.False(read.Contains(amd64.Manifest.Digest));
    }

    [Fact]
    public async Task Write_ManifestWithALayerLeftOut_IsNotShownToDocker()
    {
        SampleImage image = await AddAsync(1);
        var options = new ImageArchiveWriterOptions { Include = (_, child) => child.Digest != image.Layers[0].Digest };

        byte[] archive = await ArchiveScratch.SaveAsync(_source, [Named(image.Manifest, "a:1")], options);

        Assert.Equal("[]", Document(archive, "manifest.json"));
    }

    [Fact]
    public async Task Write_SameNameForTwoImages_IsRefused()
    {
        SampleImage first = await AddAsync(1);
        SampleImage second = await AddAsync(2);

        MicaException error = await Assert.ThrowsAsync<MicaException>(() =>
            ArchiveScratch.SaveAsync(_source, [Named(first.Manifest, "a:1"), Named(second.Manifest, "a:1")], new ImageArchiveWriterOptions()));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("docker.io/library/a:1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_ToAStreamThatCannotSeek_DoesNotTry()
    {
        SampleImage image = await AddAsync(1);
        using var memory = new MemoryStream();
        await using var output = new WriteOnlyStream(memory);

        await new ImageArchiveWriter(_source, new ImageArchiveWriterOptions(), null).WriteAsync([Named(image.Manifest, "a:1")], output, Cancellation);

        Assert.Equal(await ArchiveScratch.SaveAsync(_source, [Named(image.Manifest, "a:1")], new ImageArchiveWriterOptions()), memory.ToArray());
    }

    [Fact]
    public async Task WriteFile_SourceFails_LeavesTheFormerFile()
    {
        SampleImage image = await AddAsync(1);
        var broken = new MemoryContent();
        await broken.WriteAsync(image.Manifest, new MemoryStream(image[image.Manifest]), Cancellation);
        string path = _scratch.Write("the former archive"u8.ToArray());

        MicaException error = await Assert.ThrowsAsync<MicaException>(() =>
            new ImageArchiveWriter(broken, new ImageArchiveWriterOptions(), null).WriteFileAsync([Named(image.Manifest, "a:1")], path, Cancellation));

        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.Equal("the former archive", await File.ReadAllTextAsync(path, Cancellation));
        Assert.Single(Directory.EnumerateFileSystemEntries(_scratch.Path));
    }

    [Fact]
    public async Task WriteFile_ThroughALink_KeepsTheLink()
    {
        SampleImage image = await AddAsync(1);
        string target = _scratch.Write([1]);
        string link = _scratch.Combine("link");
        File.CreateSymbolicLink(link, target);

        await new ImageArchiveWriter(_source, new ImageArchiveWriterOptions(), null).WriteFileAsync([Named(image.Manifest, "a:1")], link, Cancellation);

        Assert.Equal(target, new FileInfo(link).LinkTarget);
        Assert.Equal(await ArchiveScratch.SaveAsync(_source, [Named(image.Manifest, "a:1")], new ImageArchiveWriterOptions()), await File.ReadAllBytesAsync(target, Cancellation));
    }

    [Fact]
    public async Task WriteFile_Device_IsWrittenToNotReplaced()
    {
        SampleImage image = await AddAsync(1);

        await new ImageArchiveWriter(_source, new ImageArchiveWriterOptions(), null).WriteFileAsync([Named(image.Manifest, "a:1")], "/dev/null", Cancellation);

        Assert.Empty(await File.ReadAllBytesAsync("/dev/null", Cancellation));
    }

    [Theory]
    [InlineData("none/a.tar", ErrorKind.Failed)]
    [InlineData("", ErrorKind.InvalidArgument)]
    public async Task WriteFile_NoPlaceForIt_NamesThePath(string name, ErrorKind kind)
    {
        SampleImage image = await AddAsync(1);
        string path = _scratch.Combine(name);

        MicaException error = await Assert.ThrowsAsync<MicaException>(() =>
            new ImageArchiveWriter(_source, new ImageArchiveWriterOptions(), null).WriteFileAsync([Named(image.Manifest, "a:1")], path, Cancellation));

        Assert.Equal(kind, error.Kind);
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SaveThenLoad_RandomImages_HaveTheSameDescriptors()
    {
        Gen<(int Seed, int[] Sizes, bool Index)> gen = Gen.Select(Gen.Int[1, 9], Gen.Int[0, 3000].Array[0, 4], Gen.Bool);

        await gen.Array[1, 4].SampleAsync(async cases =>
        {
            var source = new MemoryContent();
            var images = new List<ArchivedImage>();
            foreach ((int seed, int[] sizes, bool index) in cases)
            {
                SampleImage image = SampleImage.Create(seed, sizes.Length == 0 ? [0] : sizes);
                await image.WriteToAsync(source, "x", Cancellation);
                Descriptor root = index
                    ? source.Add(MediaTypes.OciIndex, new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [image.Manifest] }.ToJson())
                    : image.Manifest;
                images.Add(Named(root, $"i{images.Count}:1"));
            }

            using ImageArchive archive = await ImageArchive.OpenAsync(
                new MemoryStream(await ArchiveScratch.SaveAsync(source, images, new ImageArchiveWriterOptions())), "memory", _scratch.Options, Cancellation);
            var loaded = new MemoryContent();
            foreach (ListedImage listed in await archive.ListAsync(Cancellation))
            {
                using var copy = new ContentCopy(archive, loaded, new ContentCopyOptions(), progress: null);
                await copy.CopyAsync(listed.Descriptor, Cancellation);
            }

            foreach (ArchivedImage image in images)
            {
                Descriptor? found = await archive.ResolveAsync(image.References[0].ToString(), Cancellation);
                Assert.Equal((image.Descriptor.MediaType, image.Descriptor.Digest, image.Descriptor.Size), (found!.MediaType, found.Digest, found.Size));
                Assert.True(await loaded.ExistsAsync(found, Cancellation));
            }
        }, iter: 60, threads: 1);
    }

    private static ArchivedImage Named(Descriptor descriptor, params string[] names) =>
        new(descriptor, [.. names.Select(ImageReference.Parse)]);

    private static string Document(byte[] archive, string name) => Encoding.UTF8.GetString(Entries(archive).Single(entry => entry.Name == name).Content);

    private static List<(string Name, string Line, byte[] Content)> Entries(byte[] archive)
    {
        var entries = new List<(string, string, byte[])>();
        var reader = new TarReader(new MemoryStream(archive));
        while (reader.ReadNext() is { } entry)
        {
            using var content = new MemoryStream();
            while (reader.TryReadContent(out ReadOnlySpan<byte> piece, out _))
            {
                content.Write(piece);
            }

            string mode = (entry.Kind, entry.Mode) switch
            {
                (TarEntryKind.Directory, 0x1ed) => "drwxr-xr-x",
                (TarEntryKind.File, 0x1a4) => "-rw-r--r--",
                _ => $"{entry.Kind} {entry.Mode}",
            };
            entries.Add((entry.Path.ToString(), $"{mode} {entry.Uid} {entry.Gid} {entry.Size} {entry.ModificationTime.Seconds} {entry.Path}", content.ToArray()));
        }

        return entries;
    }

    private async Task<SampleImage> AddAsync(int seed)
    {
        SampleImage image = SampleImage.Create(seed);
        await image.WriteToAsync(_source, $"s{seed}", Cancellation);
        return image;
    }

    private async Task<(Descriptor Index, SampleImage Amd64, SampleImage Arm64)> AddIndexAsync()
    {
        SampleImage amd64 = await AddAsync(1);
        SampleImage arm64 = await AddAsync(2);
        ImmutableArray<Descriptor> manifests =
        [
            amd64.Manifest with { Platform = Platform.Parse("linux/amd64") },
            arm64.Manifest with { Platform = Platform.Parse("linux/arm64") },
        ];
        return (_source.Add(MediaTypes.OciIndex, new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = manifests }.ToJson()), amd64, arm64);
    }

    private Descriptor AddManifest(string config, params Descriptor[] layers) => _source.Add(MediaTypes.OciManifest, new ImageManifest
    {
        MediaType = MediaTypes.OciManifest,
        Config = _source.Add(MediaTypes.OciConfig, Encoding.UTF8.GetBytes(config)),
        Layers = [.. layers],
    }.ToJson());

    private sealed class WriteOnlyStream(Stream inner) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);
    }
}
