using System.Collections.Concurrent;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary>Reads configs of images from the storage, within bounds, and remembers for lists on which platform they run.</summary>
internal sealed class ConfigBlobs(BlobStore blobs)
{
    /// <summary>The largest config that is shown.</summary>
    public const long MaxSize = 4 << 20;

    private const long MaxListed = 512 << 10;
    private const int MaxRemembered = 100_000;
    private const int AtOnce = 8;

    private readonly ConcurrentDictionary<Digest, string> _platforms = new();

    /// <summary>The bytes; null when they are too many or not there.</summary>
    public async Task<byte[]?> ReadAsync(StoredBlob blob, CancellationToken cancellationToken)
    {
        if (blob.Size > MaxSize)
        {
            return null;
        }

        try
        {
            await using Stream stream = await blobs.OpenAsync(blob, cancellationToken);
            byte[] content = new byte[blob.Size];
            int length = await stream.ReadAtLeastAsync(content, content.Length, throwOnEndOfStream: false, cancellationToken);
            return length == content.Length ? content : null;
        }
        catch (MicaException error) when (error.Kind == ErrorKind.NotFound)
        {
            return null;
        }
    }

    /// <summary>The platforms of configs, as far as they can be told.</summary>
    public async Task<IReadOnlyDictionary<Digest, string>> PlatformsAsync(
        MetadataDatabase metadata, long repository, IEnumerable<Digest> configs, CancellationToken cancellationToken)
    {
        var known = new ConcurrentDictionary<Digest, string>();
        var unknown = new HashSet<Digest>();
        foreach (Digest digest in configs)
        {
            if (_platforms.TryGetValue(digest, out string? platform))
            {
                known[digest] = platform;
            }
            else
            {
                unknown.Add(digest);
            }
        }

        if (unknown.Count == 0)
        {
            return known;
        }

        List<StoredBlob> found = await metadata.ReadAsync(
            session => WebQueries.BlobsAsync(session, repository, [.. unknown.Select(digest => digest.ToString())]), cancellationToken);
        var reading = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(found.Where(blob => blob.Size <= MaxListed), reading, async (blob, cancelled) =>
        {
            known[blob.Digest] = await ReadAsync(blob, cancelled) is { } content ? Platform(content) : "";
        });
        Remember(known);
        return known;
    }

    private void Remember(ConcurrentDictionary<Digest, string> platforms)
    {
        if (_platforms.Count > MaxRemembered)
        {
            _platforms.Clear();
        }

        foreach ((Digest digest, string platform) in platforms)
        {
            _platforms.TryAdd(digest, platform);
        }
    }

    /// <summary>As a config says it; empty when it says none.</summary>
    private static string Platform(byte[] config)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(config);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || Text(root, "os") is not { Length: > 0 and < 64 } system
                || Text(root, "architecture") is not { Length: > 0 and < 64 } architecture)
            {
                return "";
            }

            return new Platform { Os = system, Architecture = architecture, Variant = Text(root, "variant") is { Length: < 64 } variant ? variant : null }
                .Normalize().ToString();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return "";
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
