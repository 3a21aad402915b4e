using System.Diagnostics.CodeAnalysis;

namespace Mica.Oci;

/// <summary>
/// A parsed image name: <c>domain/path[:tag][@digest]</c>, normalized as docker does it, so that <c>nginx</c> is
/// <c>docker.io/library/nginx</c>. Whether a missing tag means <c>latest</c> is the caller's choice
/// (<see cref="WithDefaultTag"/>).
/// </summary>
public sealed record ImageReference
{
    /// <summary>The domain that a name without one gets.</summary>
    public const string DefaultDomain = "docker.io";

    /// <summary>The tag that a name without tag and digest means.</summary>
    public const string DefaultTag = "latest";

    internal ImageReference(string domain, string path, string? tag, Digest? digest)
    {
        Domain = domain;
        Path = path;
        Tag = tag;
        Digest = digest;
    }

    /// <summary>Host with optional port, such as <c>docker.io</c>, <c>127.0.0.1:5000</c> or <c>[::1]:5000</c>.</summary>
    public string Domain { get; }

    /// <summary>The repository within the registry, such as <c>library/nginx</c>.</summary>
    public string Path { get; }

    /// <summary>Without the colon; null when there is none.</summary>
    public string? Tag { get; private init; }

    /// <summary>Null when there is none. With a tag beside it, the digest is what counts.</summary>
    public Digest? Digest { get; private init; }

    /// <summary><c>domain/path</c>.</summary>
    public string Name => $"{Domain}/{Path}";

    /// <summary>The name as docker shows it: without <c>docker.io/</c> and <c>library/</c>, unless it would mean another one then.</summary>
    public string FamiliarName
    {
        get
        {
            bool official = Path.StartsWith("library/", StringComparison.Ordinal) && Path.IndexOf('/', "library/".Length) < 0;
            string name = official ? Path["library/".Length..] : Path;
            return Domain == DefaultDomain && ReferenceGrammar.IsHubName(name, Path) ? name : Name;
        }
    }

    /// <summary><see cref="FamiliarName"/> with tag and digest. Parses to an equal reference.</summary>
    public string Familiar => Suffix.Length == 0 && ReferenceGrammar.IsIdentifier(FamiliarName) ? Name : FamiliarName + Suffix;

    /// <summary>What a source is asked to resolve: the digest if there is one, else the tag.</summary>
    public string Target => Digest?.ToString() ?? Tag ?? DefaultTag;

    private string Suffix => (Tag is null ? "" : ":" + Tag) + (Digest is null ? "" : "@" + Digest);

    /// <summary>Parses and normalizes what a user typed.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>, with docker's words for what is wrong.</exception>
    public static ImageReference Parse(string text) => ReferenceGrammar.Parse(text);

    /// <summary>False where <see cref="Parse"/> would throw.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ImageReference? reference) =>
        ReferenceGrammar.TryParse(text, out reference, out _);

    /// <summary>Adds <c>latest</c> when there is neither tag nor digest.</summary>
    public ImageReference WithDefaultTag() => Tag is null && Digest is null ? this with { Tag = DefaultTag } : this;

    /// <summary>The same name with only this tag.</summary>
    public ImageReference WithTag(string tag) => ReferenceGrammar.IsTag(tag)
        ? this with { Tag = tag, Digest = null }
        : throw new MicaException(ErrorKind.InvalidArgument, $"invalid tag format: \"{Printable.Of(tag)}\"");

    /// <summary>The same name with only this digest.</summary>
    public ImageReference WithDigest(Digest digest) => this with { Tag = null, Digest = digest };

    /// <summary>The canonical form, which parses to an equal reference.</summary>
    public override string ToString() => Name + Suffix;
}
