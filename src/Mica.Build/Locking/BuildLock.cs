using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mica.Oci;

namespace Mica.Build;

/// <summary>A <c>mica.lock</c>: what the sources of Dockerfiles were when somebody looked. Sorted, so that changes of it read well.</summary>
public sealed record BuildLock
{
    /// <summary>The file's name; it lies beside the Dockerfile.</summary>
    public const string FileName = "mica.lock";

    /// <summary>In bytes; a larger file is refused.</summary>
    public const int MaxSize = 4 << 20;

    // Before all that uses it: static members are initialized in their order.
    private static readonly ImmutableSortedDictionary<string, string> s_commits = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);
    private static readonly ImmutableSortedDictionary<string, Digest> s_sorted = ImmutableSortedDictionary.Create<string, Digest>(StringComparer.Ordinal);

    /// <summary>No sources.</summary>
    public static BuildLock Empty { get; } = new() { Version = 1 };

    /// <summary>Of the format: 1.</summary>
    [JsonPropertyName("version")]
    public required int Version { get; init; }

    /// <summary>Digests of manifests or indexes, by image.</summary>
    [JsonPropertyName("images")]
    public ImmutableSortedDictionary<string, Digest> Images { get; init => field = value ?? s_sorted; } = s_sorted;

    /// <summary>Digests of content, by web address.</summary>
    [JsonPropertyName("addresses")]
    public ImmutableSortedDictionary<string, Digest> Addresses { get; init => field = value ?? s_sorted; } = s_sorted;

    /// <summary>Commits, by address of a git repository.</summary>
    [JsonPropertyName("repositories")]
    public ImmutableSortedDictionary<string, string> Repositories { get; init => field = value ?? s_commits; } = s_commits;

    /// <summary>Reads the file's content.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a lock, or one of a newer mica.</exception>
    public static BuildLock Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            OciJson.CheckNames(json);
            BuildLock read = JsonSerializer.Deserialize(json, BuildLockJson.Strict.BuildLock) ?? throw new JsonException("null");
            return read.Version == 1 ? read with { Images = s_sorted.AddRange(read.Images), Addresses = s_sorted.AddRange(read.Addresses), Repositories = s_commits.AddRange(read.Repositories) }
                : throw new MicaException(ErrorKind.InvalidArgument, $"{FileName}: version {read.Version} is unknown: a newer mica wrote it");
        }
        catch (JsonException failure)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{FileName}: malformed{(failure.LineNumber is { } line ? $" in line {line + 1}" : "")}: remove it and run mica lock", failure);
        }
    }

    /// <summary>The file's content: a line for each source.</summary>
    public byte[] ToJson() => [.. JsonSerializer.SerializeToUtf8Bytes(this, BuildLockJson.Strict.BuildLock), (byte)'\n'];

    /// <summary>The image by its digest.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: it is not in the lock.</exception>
    public ImageReference Pin(ImageReference reference) => reference.Digest is not null ? reference
        : reference.WithDigest(Images.TryGetValue(reference.WithDefaultTag().ToString(), out Digest digest) ? digest : throw Missing(reference.WithDefaultTag().ToString()));

    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: one of the sources is not in the lock.</exception>
    public void Require(BuildSources sources)
    {
        if (sources.Images.Where(name => !Images.ContainsKey(name)).Concat(sources.Addresses.Where(name => !Addresses.ContainsKey(name)))
            .Concat(sources.Repositories.Where(name => !Repositories.ContainsKey(name))).FirstOrDefault() is { } name)
        {
            throw Missing(name);
        }
    }

    private static MicaException Missing(string name) => new(ErrorKind.NotFound, $"{Printable.Of(name)}: not in {FileName}: run mica lock");
}

[JsonSerializable(typeof(BuildLock))]
internal sealed partial class BuildLockJson : JsonSerializerContext
{
    public static BuildLockJson Strict { get; } = new(new JsonSerializerOptions
    {
        WriteIndented = true,
        NewLine = "\n",
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        MaxDepth = 4,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new DigestConverter() },
    });
}
