using System.Text;
using Mica.Oci;

namespace Mica.Tests.Oci;

public sealed class HostileDocumentTests
{
    private const string Sha = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    private const string Blob = $$"""{"mediaType":"m","digest":"{{Sha}}","size":0}""";

    [Theory]
    [InlineData("null")]
    [InlineData("""{"schemaVersion":2,"manifests":[null]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":null,"digest":"@","size":0}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":null,"size":0}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"@","size":null}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"@","size":-1}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"@","size":0,"platform":{"os":null,"architecture":"amd64"}}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"@","size":0,"platform":{"os":"linux","architecture":null}}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"@","size":0,"platform":{"os":"linux","architecture":"amd64","os.features":[null]}}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"@","size":0,"urls":[null]}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"@","size":0,"annotations":{"a":"1","a":"2"}}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"@","size":0,"annotations":{"a":1}}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"\ud800","digest":"@","size":0}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[],"annotations":{"\ud800":""}}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[],"annotations":["a"]}""")]
    [InlineData("""{"schemaVersion":2,"schemaVersion":2,"manifests":[]}""")]
    public void ParseIndex_Malformed_IsAContentMismatch(string json) =>
        AssertMismatch(() => ImageIndex.Parse(Bytes(json), MediaTypes.OciIndex));

    [Theory]
    [InlineData("""{"schemaVersion":2,"config":null}""")]
    [InlineData("""{"schemaVersion":2,"config":%,"layers":[null]}""")]
    [InlineData("""{"schemaVersion":2,"config":%,"layers":{"0":%}}""")]
    [InlineData("""{"schemaVersion":2,"config":%,"annotations":{"a":["b"]}}""")]
    [InlineData("""{"schemaVersion":2,"config":%,"manifests":[]}""")]
    public void ParseManifest_Malformed_IsAContentMismatch(string json) =>
        AssertMismatch(() => ImageManifest.Parse(Bytes(json), MediaTypes.OciManifest));

    [Theory]
    [InlineData("""{"rootfs":null}""")]
    [InlineData("""{"rootfs":{"type":null}}""")]
    [InlineData("""{"rootfs":{"type":"layers","diff_ids":[null]}}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"history":[null]}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"config":{"Env":[null]}}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"config":{"Cmd":"sh"}}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"config":{"Unknown":["\ud800"]}}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"config":{"Unknown":{"\udc00":1}}}""")]
    public void ParseConfig_Malformed_IsAContentMismatch(string json) =>
        AssertMismatch(() => ImageConfig.Parse(Bytes(json)));

    [Fact]
    public void Parse_ListsThatAreNotThere_AreEmpty()
    {
        var config = ImageConfig.Parse(Bytes("""{"rootfs":{"type":"layers"}}"""));

        Assert.Empty(config.RootFs.DiffIds);
        Assert.Empty(config.History);
        Assert.Empty(ImageIndex.Parse(Bytes("""{"schemaVersion":2}"""), MediaTypes.OciIndex).Manifests);
        Assert.Empty(ImageManifest.Parse(Bytes("""{"schemaVersion":2,"config":%}"""), MediaTypes.OciManifest).Layers);
    }

    [Theory]
    [InlineData("history", "y")]
    [InlineData("rootfs", "\\u0000")]
    public void ParseConfig_NameThatTheSerializerTakesForAnother_IsRefusedAndSpoilsNothing(string name, string more)
    {
        string longer = name + string.Concat(Enumerable.Repeat(more, 256));

        AssertMismatch(() => ImageConfig.Parse(Bytes($$"""{"rootfs":{"type":"layers"},"{{longer}}":1}""")));

        Assert.Single(ImageConfig.Parse(Bytes("""{"rootfs":{"type":"layers"},"history":[{"comment":"x"}]}""")).History);
    }

    [Fact]
    public void ParseConfig_LongLabel_IsRead()
    {
        string label = new('l', 300);

        var config = ImageConfig.Parse(Bytes($$$$"""{"rootfs":{"type":"layers"},"config":{"Labels":{"{{{{label}}}}":"x"}}}"""));

        Assert.Equal(label, Assert.Single(config.Config!.Labels!).Key);
    }

    [Fact]
    public void ParseConfig_NullsThatGoWrites_AreRead()
    {
        var config = ImageConfig.Parse(Bytes("""
            {"author":null,"rootfs":{"type":"layers","diff_ids":null},"history":null,
             "config":{"Env":null,"Cmd":null,"Labels":{"a":null,"b":"c"},"Volumes":null,"Healthcheck":null}}
            """));

        Assert.Empty(config.RootFs.DiffIds);
        Assert.Empty(config.History);
        Assert.Null(config.Config!.Env);
        Assert.Equal(["a=", "b=c"], config.Config.Labels!.Select(label => $"{label.Key}={label.Value}"));
    }

    [Theory]
    [InlineData("""{"mediaType":"\ud800"}""")]
    [InlineData("""{"mediaType":17}""")]
    [InlineData("""["manifests"]""")]
    [InlineData("")]
    [InlineData("{")]
    public void Sniff_Anything_IsNull(string json) => Assert.Null(ManifestDocument.Sniff(Bytes(json)));

    [Fact]
    public void Sniff_NotUtf8_IsNull() =>
        Assert.Null(ManifestDocument.Sniff([.. "{\"mediaType\":\""u8, 0xFF, 0xFE, .. "\"}"u8]));

    [Fact]
    public void WriteConfig_WhatWasRead_IsTheSame()
    {
        const string json = """{"os":"linux","config":{"Env":["A=+<b>"],"Labels":{"B":"1","a":"2"}},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}""";

        Assert.Equal(json, Encoding.UTF8.GetString(ImageConfig.Parse(Bytes(json)).ToJson()));
    }

    private static byte[] Bytes(string json) =>
        Encoding.UTF8.GetBytes(json.Replace("@", Sha, StringComparison.Ordinal).Replace("%", Blob, StringComparison.Ordinal));

    private static void AssertMismatch(Action parse)
    {
        var error = Assert.Throws<MicaException>(parse);

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.DoesNotContain('\n', error.Message);
    }
}
