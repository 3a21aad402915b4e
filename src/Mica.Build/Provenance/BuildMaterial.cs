using System.Text;
using Mica.Oci;

namespace Mica.Build;

/// <summary>Something from elsewhere that a build took.</summary>
/// <param name="Uri">Where it came from, without what may be secret in it.</param>
/// <param name="Algorithm">Of the digest: <c>sha256</c> and so on.</param>
/// <param name="Hex">The digest of what it was.</param>
internal sealed record BuildMaterial(string Uri, string Algorithm, string Hex)
{
    public BuildMaterial(string uri, Digest digest)
        : this(uri, digest.Algorithm, digest.Hex)
    {
    }

    /// <summary>
    /// The name of an image as a package URL. Package URL specification, types/docker-definition; name, tag and platform stand in
    /// it as BuildKit writes them.
    /// </summary>
    public static string PackageUrl(ImageReference reference, Platform platform)
    {
        reference = reference.WithDefaultTag();
        var url = new StringBuilder("pkg:docker/")
            .AppendJoin('/', reference.FamiliarName.Split('/').Select(part => Escaped(part)))
            .Append('@').Append(Escaped(reference.Tag ?? reference.Digest!.Value.ToString())).Append('?');
        if (reference is { Tag: not null, Digest: { } digest })
        {
            url.Append("digest=").Append(Escaped(digest.ToString())).Append('&');
        }

        return url.Append("platform=").Append(System.Uri.EscapeDataString(platform.ToString())).ToString();
    }

    /// <summary>A colon needs no escape in a package URL.</summary>
    private static string Escaped(string text) => System.Uri.EscapeDataString(text).Replace("%3A", ":", StringComparison.Ordinal);
}
