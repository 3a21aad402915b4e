using System.Text;
using Mica.Oci;
using Mica.Store;
using static Mica.Tests.Layers.Tar;
using static Mica.Tests.Store.Archives.DockerTar;

namespace Mica.Tests.Store.Archives;

/// <summary>Archives that an honest tool does not write.</summary>
public sealed class ImageArchiveAttackTests : IDisposable
{
    private readonly ArchiveScratch _scratch = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("/manifest.json")]
    [InlineData("../manifest.json")]
    [InlineData("a/../manifest.json")]
    public async Task Open_NameThatLeavesTheArchive_IsNotTheDocument(string name)
    {
        MicaException error = await AssertRefusedAsync(Of(File("base.tar", Base), File("c.json", MakeConfig(Base)), File(name, $"[{Item("c.json", [], "base.tar")}]")));

        Assert.Contains("not an archive of images", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../../../../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../base.tar")]
    [InlineData("")]
    public async Task Open_ConfigThatIsNoMember_IsRefused(string config)
    {
        MicaException error = await AssertRefusedAsync(Of(File("base.tar", Base), File("passwd", "x"), Manifest(config, [], "base.tar")));

        Assert.Contains("is not the name of a member", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/etc/passwd", "leads out of the archive")]
    [InlineData("../../etc/passwd", "leads out of the archive")]
    [InlineData("layer.tar", "in a circle")]
    [InlineData("../b/layer.tar", "in a circle")]
    [InlineData("../none", "layer a/layer.tar is not in the archive")]
    public async Task Open_LayerBehindABadLink_IsRefused(string target, string problem)
    {
        MicaException error = await AssertRefusedAsync(Of(
            Symlink("a/layer.tar", target), Symlink("b/layer.tar", "../a/layer.tar"), File("c.json", MakeConfig(Base)), Manifest("c.json", [], "a/layer.tar")));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("manifest.json")]
    [InlineData("c.json")]
    public async Task Open_DocumentTwice_IsRefused(string name)
    {
        byte[] other = MakeConfig(Base);
        MicaException error = await AssertRefusedAsync(Of(
            File("base.tar", Base), File("c.json", other), Manifest("c.json", [], "base.tar"), File("./" + name, name == "c.json" ? other : "[]"u8.ToArray())));

        Assert.Contains($"{name} is in the archive more than once", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_LayerThatIsNotTheConfigs_FailsWhenItIsRead()
    {
        ImageArchive archive = await _scratch.OpenAsync(Of(File("base.tar", Top), File("c.json", MakeConfig(Base)), Manifest("c.json", [], "base.tar")));
        Descriptor root = await archive.ResolveOnlyAsync(Cancellation);
        using var copy = new ContentCopy(archive, new MemoryContent(), new ContentCopyOptions(), progress: null);

        DigestMismatchException error = await Assert.ThrowsAsync<DigestMismatchException>(() => copy.CopyAsync(root, Cancellation));

        Assert.Equal((Digest.Of(Base), Digest.Of(Top)), (error.Expected, error.Actual));
    }

    [Theory]
    [InlineData(1, "gives c.json 1 layers, and the config has 2")]
    [InlineData(3, "gives c.json 3 layers, and the config has 2")]
    public async Task Open_OtherNumberOfLayersThanTheConfig_IsRefused(int count, string problem)
    {
        MicaException error = await AssertRefusedAsync(Of(
            File("base.tar", Base), File("c.json", Config), Manifest("c.json", [], [.. Enumerable.Repeat("base.tar", count)])));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[null]")]
    [InlineData("[{\"Layers\":[]}]")]
    [InlineData("[{\"Config\":null,\"Layers\":[]}]")]
    [InlineData("[{\"Config\":\"a\",\"Config\":\"b\"}]")]
    [InlineData("[{\"Config\":\"c.json\",\"Layers\":[null,null]}]")]
    [InlineData("[{\"Config\":\"c.json\",\"RepoTags\":[null],\"Layers\":[\"base.tar\",null]}]")]
    [InlineData("[{\"Config\":\"c.json\",\"RepoTags\":[null],\"Layers\":[\"base.tar\",\"base.tar\"]}]")]
    [InlineData("[")]
    [InlineData("")]
    public async Task Open_MalformedManifestJson_IsRefused(string json)
    {
        MicaException error = await AssertRefusedAsync(Of(File("base.tar", Base), File("c.json", Config), File("manifest.json", json)));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    [Fact]
    public async Task Open_DeeplyNestedJson_IsRefused()
    {
        await AssertRefusedAsync(Of(File("manifest.json", new string('[', 100_000))));
    }

    [Fact]
    public async Task Open_HugeDocument_IsRefusedUnread()
    {
        byte[] archive = Of(Raw("manifest.json", size: "77777777777"));

        MicaException error = await AssertRefusedAsync(archive);

        Assert.Contains("truncated", error.Message, StringComparison.Ordinal);
        error = await AssertRefusedAsync(Of(File("manifest.json", new byte[(4 << 20) + 1])));
        Assert.Contains("a document may have 4194304", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_SparseDocument_IsRefused()
    {
        byte[] archive = Of(
            Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "manifest.json"), ("GNU.sparse.realsize", "1000000")),
            Raw("GNUSparseFile.0/manifest.json", content: [.. "1\n0\n1\n"u8, .. new byte[506], (byte)'[']));

        MicaException error = await AssertRefusedAsync(archive);

        Assert.Equal(ErrorKind.Unsupported, error.Kind);
    }

    [Fact]
    public async Task Open_TooManyMembers_IsRefused()
    {
        byte[] member = File("a").Bytes;
        byte[] archive = new byte[100_001 * member.Length];
        for (int i = 0; i < archive.Length; i += member.Length)
        {
            member.CopyTo(archive, i);
        }

        MicaException error = await AssertRefusedAsync(archive);

        Assert.Contains("more than 100000 members", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_Bomb_StopsAtTheLimit()
    {
        byte[] archive = Gzip(new byte[4 << 20]);
        ImageArchiveOptions options = _scratch.Options with { MaxUnpackedSize = 1 << 20 };

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => ImageArchive.OpenAsync(_scratch.Write(archive), options, Cancellation));

        Assert.Contains("more than 1048576 bytes when unpacked", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_scratch.Spool));
    }

    [Fact]
    public async Task Open_CutAnywhere_IsRefusedOrComplete()
    {
        byte[] whole = WithoutEnd(File("base.tar", Base), File("c.json", MakeConfig(Base)), Manifest("c.json", [], "base.tar"));
        for (int length = 0; length < whole.Length; length += 97)
        {
            await AssertRefusedAsync(whole[..length]);
        }
    }

    [Fact]
    public async Task Open_CutGzip_IsRefused()
    {
        byte[] gzip = Gzip(Of(File("base.tar", Base), File("c.json", MakeConfig(Base)), Manifest("c.json", [], "base.tar")));

        MicaException error = await AssertRefusedAsync(gzip[..^9]);

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    [Theory]
    [InlineData(new byte[] { 0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, 0 })]
    [InlineData(new byte[] { (byte)'B', (byte)'Z', (byte)'h', (byte)'9', 0, 0, 0 })]
    public async Task Open_OtherCompression_SaysToUnpackIt(byte[] head)
    {
        MicaException error = await AssertRefusedAsync([.. head, .. new byte[2000]]);

        Assert.Equal(ErrorKind.Unsupported, error.Kind);
        Assert.EndsWith("the archive is compressed with something else than gzip or zstd; unpack it first", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_LegacyLayerThatIsItsOwnAncestor_IsRefused()
    {
        string id = new('a', 64);
        MicaException error = await AssertRefusedAsync(Of(
            File($"{id}/json", $$"""{"id":"{{id}}","parent":"{{id}}"}"""), File($"{id}/layer.tar", Base), File("repositories", $$"""{"a":{"b":"{{id}}"} }""")));

        Assert.EndsWith("is its own ancestor", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../../etc", "is not the ID of a layer")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "has no json")]
    public async Task Open_LegacyLayerThatIsNotThere_IsRefused(string id, string problem)
    {
        MicaException error = await AssertRefusedAsync(Of(File("repositories", $$"""{"a":{"b":"{{id}}"} }""")));

        Assert.EndsWith(problem, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"a\":{\"b\":null}}")]
    [InlineData("{\"a\":{\"b\":\"\"}}")]
    [InlineData("{\"a\":{\"b\":{}}}")]
    public async Task Open_MalformedRepositories_IsRefused(string json)
    {
        MicaException error = await AssertRefusedAsync(Of(File("repositories", json)));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    [Theory]
    [InlineData("""{"parent":"\ud800"}""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("""{"container_config":{"Cmd":["\udc00"]}}""")]
    public async Task Open_LegacyJsonThatIsNoText_IsRefused(string json)
    {
        string id = new('a', 64);
        MicaException error = await AssertRefusedAsync(Of(File($"{id}/json", json), File($"{id}/layer.tar", Base), File("repositories", $$"""{"a":{"b":"{{id}}"} }""")));

        Assert.EndsWith("/json is malformed: a string in it is not Unicode text", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"imageLayoutVersion":"\ud800"}""")]
    [InlineData("""{"\ud800":1,"imageLayoutVersion":1}""")]
    public async Task Open_LayoutMarkerThatIsNoText_IsRefused(string marker)
    {
        MicaException error = await AssertRefusedAsync(Of(File("oci-layout", marker), File("index.json", new ImageIndex().ToJson())));

        Assert.EndsWith("oci-layout is malformed: there is no imageLayoutVersion", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_ManifestJsonWithANameThatTheSerializerTakesForAnother_IsRefused()
    {
        string longer = "Layers" + string.Concat(Enumerable.Repeat(@"\u0000", 256));
        MicaException error = await AssertRefusedAsync(Of(
            File("base.tar", Base), File("c.json", MakeConfig(Base)), File("manifest.json", $$"""[{"Config":"c.json","Layers":["base.tar"],"{{longer}}":1}]""")));

        Assert.Contains("manifest.json is malformed: the name of a member has", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_NamesThatAreNoReferences_AreNoReferences()
    {
        ImageArchive archive = await _scratch.OpenAsync(Of(
            File("base.tar", Base), File("c.json", MakeConfig(Base)), Manifest("c.json", ["../x:y", "UPPER:1", @"a:1\u001b[2J", "ok:1"], "base.tar")));

        ListedImage listed = Assert.Single(await archive.ListAsync(Cancellation));

        Assert.Equal("docker.io/library/ok:1", Assert.Single(listed.References).ToString());
    }

    [Fact]
    public async Task Open_IndexesThatReferToEachOther_Ends()
    {
        byte[] child = new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [.. Enumerable.Repeat(Fake(1), 200), .. Enumerable.Repeat(Fake(2), 200)] }.ToJson();

        ImageArchive archive = await _scratch.OpenAsync(Of(
            File("oci-layout", """{"imageLayoutVersion":"1.0.0"}"""),
            File("index.json", new ImageIndex { Manifests = [.. Enumerable.Repeat(Fake(1), 200)] }.ToJson()),
            File($"blobs/sha256/{Fake(1).Digest.Hex}", child), File($"blobs/sha256/{Fake(2).Digest.Hex}", child),
            File("base.tar", Base), File("c.json", MakeConfig(Base)), Manifest("c.json", [], "base.tar")));

        Assert.Equal(2, (await archive.ListAsync(Cancellation)).Length);

        static Descriptor Fake(int number) => new() { MediaType = MediaTypes.OciIndex, Digest = Digest.Of(Encoding.UTF8.GetBytes($"{number}")), Size = 1 };
    }

    private async Task<MicaException> AssertRefusedAsync(byte[] archive)
    {
        string path = _scratch.Write(archive);

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => ImageArchive.OpenAsync(path, _scratch.Options, Cancellation));

        Assert.StartsWith(path + ": ", error.Message, StringComparison.Ordinal);
        return error;
    }
}
