using System.Security.Cryptography;

namespace Mica.SystemTests.Lab;

/// <summary>An image of one layer, written by hand so that it can lie. <see cref="PushAsync"/> hands it to skopeo.</summary>
public sealed class HandmadeImage(Workbench bench)
{
    private readonly string _layout = bench.NewDirectory("handmade");

    /// <summary>Writes the layout around the layer in <paramref name="file"/>.</summary>
    /// <param name="file">The layer's blob.</param>
    /// <param name="mediaType">What follows <c>application/vnd.oci.image.layer.v1.</c>.</param>
    /// <param name="diffId">What the config says of it, true or not.</param>
    public async Task<HandmadeImage> WithLayerAsync(string file, string mediaType, string diffId)
    {
        await using FileStream layer = File.OpenRead(file);
        string digest = "sha256:" + Convert.ToHexStringLower(await SHA256.HashDataAsync(layer));
        Directory.CreateDirectory(Path.Combine(_layout, "blobs/sha256"));
        File.Copy(file, Path.Combine(_layout, "blobs", digest.Replace(':', '/')));
        (string config, int configSize) = await WriteAsync($$$"""
            {"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["{{{diffId}}}"]}}
            """);
        (string manifest, int manifestSize) = await WriteAsync($$"""
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
             "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{config}}","size":{{configSize}}},
             "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.{{mediaType}}","digest":"{{digest}}","size":{{layer.Length}}}]}
            """);
        await File.WriteAllTextAsync(Path.Combine(_layout, "index.json"), $$$"""
            {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{{{manifest}}}",
             "size":{{{manifestSize}}},"annotations":{"org.opencontainers.image.ref.name":"x"}}]}
            """);
        await File.WriteAllTextAsync(Path.Combine(_layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        return this;
    }

    public Task PushAsync(string name) =>
        Shell.ScriptAsync("skopeo copy -q --preserve-digests --dest-tls-verify=false \"oci:$1:x\" \"docker://$2\"", _layout, name);

    private async Task<(string Digest, int Size)> WriteAsync(string document)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(document);
        string digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));
        await File.WriteAllBytesAsync(Path.Combine(_layout, "blobs", digest.Replace(':', '/')), bytes);
        return (digest, bytes.Length);
    }
}
