using System.Diagnostics.CodeAnalysis;
using Mica.Build;

namespace Mica.Engine;

/// <summary>Contexts as people write them.</summary>
public static class BuildContextText
{
    /// <summary>Whether <paramref name="text"/> is an <c>http://</c> or <c>https://</c> address.</summary>
    public static bool IsWebAddress(string text, [NotNullWhen(true)] out Uri? address)
    {
        address = null;
        return (text.StartsWith("http://", StringComparison.Ordinal) || text.StartsWith("https://", StringComparison.Ordinal))
            && Uri.TryCreate(text, UriKind.Absolute, out address);
    }

    /// <summary>What the context argument of a build means; null for a directory.</summary>
    public static BuildContext? ParseRemote(string text) =>
        GitAddress.TryParse(text, out GitAddress? git) ? new GitBuildContext(git)
        : IsWebAddress(text, out Uri? address) ? new WebBuildContext(address)
        : null;
}
