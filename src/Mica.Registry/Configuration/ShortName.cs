using Mica.Oci;

namespace Mica.Registry;

/// <summary>Names without a registry, such as <c>debian</c> and <c>team/app</c>.</summary>
internal static class ShortName
{
    /// <summary>Whether the text is a short name that has neither tag nor digest.</summary>
    public static bool IsOne(string text) => IsShort(text) && Split(text).Suffix.Length == 0;

    /// <summary>Whether the text names no registry, and so means one of docker.io. With the second part, anything it has is kept.</summary>
    public static bool IsShort(string text) =>
        ImageReference.TryParse(text, out ImageReference? reference)
        && reference.Domain == ImageReference.DefaultDomain
        && !text.StartsWith(ImageReference.DefaultDomain + "/", StringComparison.Ordinal)
        && !text.StartsWith("index." + ImageReference.DefaultDomain + "/", StringComparison.Ordinal);

    /// <summary>The name, and its tag and digest with their separators.</summary>
    public static (string Name, string Suffix) Split(string text)
    {
        int end = text.IndexOf('@', StringComparison.Ordinal);
        end = end < 0 ? text.Length : end;
        int colon = text.LastIndexOf(':', end - 1);
        end = colon > text.LastIndexOf('/', end - 1) ? colon : end;
        return (text[..end], text[end..]);
    }
}
