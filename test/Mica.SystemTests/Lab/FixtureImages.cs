using System.Text.Json.Nodes;

namespace Mica.SystemTests.Lab;

/// <summary>One fixture image: the digest of its manifest or index, the digest of its config, and its layers from the lowest.</summary>
public sealed record FixtureImage(string Name, string Digest, string Config, IReadOnlyList<FixtureLayer> Layers);

/// <summary>A layer: the digest of its blob, its diffID, the blob's size and file.</summary>
public sealed record FixtureLayer(string Digest, string DiffId, long Size, string File);

/// <summary>The images that <c>make-images.sh</c> made, read from the layout that it wrote.</summary>
public sealed class FixtureImages(string directory)
{
    public string Directory => directory;

    public string Layout => Path.Combine(directory, "images");

    public string Blob(string digest) => Path.Combine(Layout, "blobs", digest.Replace(':', '/'));

    /// <summary>The image of that name; of an index, the digest of the index and the content for amd64.</summary>
    public FixtureImage this[string name]
    {
        get
        {
            string docker = Path.Combine(directory, "docker", name, "manifest.json");
            string digest = File.Exists(docker)
                ? "sha256:" + Path.GetFileName(new FileInfo(docker).ResolveLinkTarget(returnFinalTarget: true)!.FullName)
                : (string)Read(Path.Combine(Layout, "index.json"))["manifests"]!.AsArray()
                    .Single(entry => (string)entry!["annotations"]!["org.opencontainers.image.ref.name"]! == name)!["digest"]!;
            JsonNode manifest = Read(Blob(digest));
            if (manifest["manifests"] is JsonArray platforms)
            {
                manifest = Read(Blob((string)platforms.Single(entry => (string)entry!["platform"]!["architecture"]! == "amd64")!["digest"]!));
            }

            string config = (string)manifest["config"]!["digest"]!;
            JsonArray diffIds = Read(Blob(config))["rootfs"]!["diff_ids"]!.AsArray();
            return new FixtureImage(name, digest, config, [.. manifest["layers"]!.AsArray().Zip(diffIds, (layer, diffId) =>
                new FixtureLayer((string)layer!["digest"]!, (string)diffId!, (long)layer["size"]!, Blob((string)layer["digest"]!)))]);
        }
    }

    /// <summary>The digests of the platform manifests of an index, by architecture.</summary>
    public IReadOnlyDictionary<string, string> Platforms(string name) => Read(Blob(this[name].Digest))["manifests"]!.AsArray()
        .ToDictionary(entry => (string)entry!["platform"]!["architecture"]!, entry => (string)entry!["digest"]!);

    private static JsonNode Read(string file) => JsonNode.Parse(File.ReadAllBytes(file))!;
}
