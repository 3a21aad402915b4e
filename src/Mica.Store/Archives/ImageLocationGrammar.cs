using System.Globalization;
using System.Text.RegularExpressions;
using Mica.Oci;

namespace Mica.Store;

/// <summary>The grammar of <see cref="ImageLocation"/>, with errors that say what to write instead.</summary>
internal static partial class ImageLocationGrammar
{
    private const string Transports = "docker://REF, oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR or mica:NAME";

    /// <summary>Transports of other tools that a user may try, and why they are not here.</summary>
    private static readonly HashSet<string> s_foreign =
        ["containers-storage", "docker-daemon", "ostree", "sif", "tarball", "atomic", "docker-tar", "containerd"];

    public static ImageLocation Parse(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string transport = colon < 0 ? "" : text[..colon];
        string details = text[(colon + 1)..];
        return transport switch
        {
            "docker" or "registry" => ParseRegistry(text, details),
            "oci" => ParseOci(text, details, (path, name) => new OciLayoutLocation(path, name)),
            "oci-archive" => ParseOci(text, details, (path, name) => new OciArchiveLocation(path, name)),
            "docker-archive" => ParseDockerArchive(text, details),
            "dir" => new DirectoryLocation(NonEmptyPath(text, details)),
            "mica" => details.Length > 0 ? new StoreLocation(details) : throw Invalid(text, "there is no image name after \"mica:\""),
            _ => throw UnknownTransport(text, transport),
        };
    }

    /// <summary>
    /// Whether <paramref name="name"/> may stand in <c>org.opencontainers.image.ref.name</c>. OCI image-spec v1.1,
    /// annotations.md#pre-defined-annotation-keys.
    /// </summary>
    public static bool IsRefName(string name) => name.Length <= 1024 && RefName().IsMatch(name);

    /// <summary>The position that <c>@N</c> asks for.</summary>
    public static bool TryParseIndex(string name, out int index)
    {
        index = -1;
        return name.StartsWith('@') && int.TryParse(name.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out index);
    }

    private static RegistryLocation ParseRegistry(string text, string details)
    {
        if (!details.StartsWith("//", StringComparison.Ordinal))
        {
            throw Invalid(text, $"write docker://{Printable.Of(details)} for an image in a registry");
        }

        return new RegistryLocation(ImageReference.Parse(details[2..]).WithDefaultTag());
    }

    private static ImageLocation ParseOci(string text, string details, Func<string, string?, ImageLocation> create)
    {
        (string path, string? name) = Split(text, details);
        if (name is not null && !IsRefName(name) && !TryParseIndex(name, out _))
        {
            throw Invalid(text, $"\"{Printable.Of(name)}\" is not a name that a layout can hold (the path ends at the first colon)");
        }

        return create(path, name);
    }

    private static DockerArchiveLocation ParseDockerArchive(string text, string details)
    {
        (string path, string? name) = Split(text, details);
        if (name is null || TryParseIndex(name, out _))
        {
            return new DockerArchiveLocation(path, name);
        }

        if (!ImageReference.TryParse(name, out ImageReference? reference))
        {
            throw Invalid(text, $"\"{Printable.Of(name)}\" is not an image reference (the path ends at the first colon)");
        }

        return reference.Digest is null
            ? new DockerArchiveLocation(path, reference.WithDefaultTag().ToString())
            : throw Invalid(text, "an image in a docker archive is named by a tag, not by a digest");
    }

    private static (string Path, string? Name) Split(string text, string details)
    {
        int colon = details.IndexOf(':', StringComparison.Ordinal);
        string path = NonEmptyPath(text, colon < 0 ? details : details[..colon]);
        return colon < 0 ? (path, null)
            : colon < details.Length - 1 ? (path, details[(colon + 1)..])
            : throw Invalid(text, "there is no name after the last colon");
    }

    private static string NonEmptyPath(string text, string path) =>
        path.Length == 0 ? throw Invalid(text, "there is no path")
        : path.Contains('\0', StringComparison.Ordinal) ? throw Invalid(text, "the path has a zero byte")
        : path;

    private static MicaException UnknownTransport(string text, string transport)
    {
        if (s_foreign.Contains(transport))
        {
            return Invalid(text, $"transport {transport} is not supported; write {Transports}");
        }

        // A bare image name is the likeliest mistake: say both things that it may have meant.
        return ImageReference.TryParse(text, out _)
            ? Invalid(text, $"no transport is named; write docker://{text} for a registry or mica:{text} for the local store")
            : Invalid(text, $"unknown transport \"{Printable.Of(transport)}\"; write {Transports}");
    }

    private static MicaException Invalid(string text, string why) =>
        new(ErrorKind.InvalidArgument, $"invalid image location \"{Printable.Of(text)}\": {why}");

    [GeneratedRegex(@"\A[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*\z")]
    private static partial Regex RefName();
}
