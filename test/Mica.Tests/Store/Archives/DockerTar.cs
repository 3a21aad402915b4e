using System.IO.Compression;
using System.Text;
using Mica.Oci;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Store.Archives;

/// <summary>The parts of archives as docker has written them over the years, to be put together by a test.</summary>
internal static class DockerTar
{
    public static byte[] Base { get; } = Of(Dir("etc"), File("etc/os-release", "ID=test\n"));

    public static byte[] Top { get; } = Of(File("app", "#!/bin/sh\n", mode: 0x1ed));

    /// <summary>A config of the layers, with white space that must survive.</summary>
    public static byte[] Config { get; } = MakeConfig(Base, Top);

    public static Digest ImageId => Digest.Of(Config);

    public static byte[] MakeConfig(params byte[][] layers) => Encoding.UTF8.GetBytes(
        $$"""
        { "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/app"]}, "rootfs": {"type": "layers", "diff_ids": [{{string.Join(", ", layers.Select(layer => $"\"{Digest.Of(layer)}\""))}}]} }
        """);

    /// <summary>A <c>manifest.json</c> with one image.</summary>
    public static Member Manifest(string config, string[] tags, params string[] layers) =>
        File("manifest.json", $"[{Item(config, tags, layers)}]");

    public static string Item(string config, string[] tags, params string[] layers) =>
        $$"""{"Config":"{{config}}","RepoTags":{{Array(tags)}},"Layers":{{Array(layers)}},"LayerSources":{},"Parent":""}""";

    public static byte[] Gzip(byte[] content)
    {
        using var result = new MemoryStream();
        using (var gzip = new GZipStream(result, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return result.ToArray();
    }

    private static string Array(string[] values) => $"[{string.Join(",", values.Select(value => $"\"{value}\""))}]";
}
