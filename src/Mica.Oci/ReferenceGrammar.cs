using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Mica.Oci;

/// <summary>The grammar of references, and docker's rules for what a short name means. Errors use docker's words.</summary>
internal static partial class ReferenceGrammar
{
    private const int MaxRepositoryLength = 255;
    private const int MaxTextLength = 1024;

    public static ImageReference Parse(string text) => TryParse(text, out ImageReference? reference, out string? error)
        ? reference
        : throw new MicaException(ErrorKind.InvalidArgument, error);

    public static bool IsTag(string text) => Tag().IsMatch(text);

    /// <summary>Whether <paramref name="name"/>, as it is, means the repository <paramref name="path"/> of Docker Hub.</summary>
    public static bool IsHubName(string name, string path) => Split(name) == (ImageReference.DefaultDomain, path);

    /// <summary>Whether the text can be an image's ID, and so no name.</summary>
    public static bool IsIdentifier(string text) => Identifier().IsMatch(text);

    public static bool TryParse(
        string? text, [NotNullWhen(true)] out ImageReference? reference, [NotNullWhen(false)] out string? error)
    {
        reference = null;
        text ??= "";
        if (text.Length is 0 or > MaxTextLength)
        {
            error = $"invalid reference format: \"{Printable.Of(text)}\"";
            return false;
        }

        if (IsIdentifier(text))
        {
            error = $"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings";
            return false;
        }

        if (!SplitDigest(text, out string name, out Digest? digest, out error))
        {
            return false;
        }

        string? tag = null;
        int colon = name.LastIndexOf(':');
        if (colon > name.LastIndexOf('/'))
        {
            tag = name[(colon + 1)..];
            name = name[..colon];
        }

        (string domain, string path) = Split(name);
        error = Problem(text, domain, path, tag);
        if (error is not null)
        {
            return false;
        }

        reference = new ImageReference(domain, path, tag, digest);
        return true;
    }

    private static bool SplitDigest(string text, out string name, out Digest? digest, [NotNullWhen(false)] out string? error)
    {
        int at = text.IndexOf('@', StringComparison.Ordinal);
        name = at < 0 ? text : text[..at];
        digest = null;
        error = null;
        if (at < 0)
        {
            return true;
        }

        if (!Oci.Digest.TryParse(text[(at + 1)..], out Digest parsed))
        {
            error = DigestShape().IsMatch(text.AsSpan(at + 1))
                ? $"invalid digest format: \"{Printable.Of(text[(at + 1)..])}\" is not a sha256 or sha512 digest"
                : $"invalid reference format: \"{Printable.Of(text)}\"";
            return false;
        }

        digest = parsed;
        return true;
    }

    /// <summary>The first part is a domain if it cannot be a path: it is localhost, or has a dot, a colon or an upper-case letter.</summary>
    private static (string Domain, string Path) Split(string name)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        string domain = ImageReference.DefaultDomain;
        string path = name;
        if (slash >= 0)
        {
            string first = name[..slash];
            if (first == "localhost" || first.AsSpan().IndexOfAny('.', ':') >= 0 || first.Any(char.IsAsciiLetterUpper))
            {
                domain = first == "index.docker.io" ? ImageReference.DefaultDomain : first;
                path = name[(slash + 1)..];
            }
        }

        return domain == ImageReference.DefaultDomain && !path.Contains('/', StringComparison.Ordinal)
            ? (domain, "library/" + path)
            : (domain, path);
    }

    private static string? Problem(string text, string domain, string path, string? tag)
    {
        if (path.Any(char.IsAsciiLetterUpper) && PathPattern().IsMatch(path.ToLowerInvariant()) && IsDomain(domain))
        {
            return $"invalid reference format: repository name ({Printable.Of(path)}) must be lowercase";
        }

        if (!IsDomain(domain) || !PathPattern().IsMatch(path) || (tag is not null && !IsTag(tag)))
        {
            return $"invalid reference format: \"{Printable.Of(text)}\"";
        }

        return path.Length > MaxRepositoryLength
            ? $"repository name must not be more than {MaxRepositoryLength} characters"
            : domain == ImageReference.DefaultDomain && path == "library/scratch" ? "'scratch' is a reserved name" : null;
    }

    private static bool IsDomain(string domain)
    {
        if (!domain.StartsWith('['))
        {
            return Domain().IsMatch(domain);
        }

        int end = domain.IndexOf(']', StringComparison.Ordinal);
        return end > 0
            && IPAddress.TryParse(domain.AsSpan(1, end - 1), out IPAddress? address)
            && address.AddressFamily == AddressFamily.InterNetworkV6
            && !domain.Contains('%', StringComparison.Ordinal)
            && (end == domain.Length - 1 || Port().IsMatch(domain.AsSpan(end + 1)));
    }

    [GeneratedRegex(@"\A[a-f0-9]{64}\z")]
    private static partial Regex Identifier();

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\z")]
    private static partial Regex Tag();

    [GeneratedRegex(@"\A[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*\z")]
    private static partial Regex PathPattern();

    [GeneratedRegex(@"\A[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]+)?\z")]
    private static partial Regex Domain();

    [GeneratedRegex(@"\A:[0-9]+\z")]
    private static partial Regex Port();

    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}\z")]
    private static partial Regex DigestShape();
}
