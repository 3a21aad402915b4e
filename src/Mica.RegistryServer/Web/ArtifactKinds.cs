using Mica.Oci;

namespace Mica.RegistryServer.Web;

/// <summary>What people call the things that media types name.</summary>
internal static class ArtifactKinds
{
    private static readonly (string Part, string Word)[] s_words =
    [
        ("cosign.artifact.sig", "Signature"),
        ("cosign.simplesigning", "Signature"),
        ("notary.signature", "Signature"),
        ("sigstore.bundle", "Sigstore bundle"),
        ("spdx", "SBOM"),
        ("cyclonedx", "SBOM"),
        ("sbom", "SBOM"),
        ("syft", "SBOM"),
        ("in-toto", "Attestation"),
        ("dsse", "Attestation"),
        ("attestation", "Attestation"),
        ("sarif", "Scan report"),
        ("vuln", "Scan report"),
        ("helm", "Helm chart"),
        ("wasm", "Wasm module"),
    ];

    /// <summary>A word for a manifest of the type, whose artifact type may be missing.</summary>
    public static string Of(string mediaType, string? artifactType)
    {
        if (string.IsNullOrEmpty(artifactType) || MediaTypes.IsConfig(artifactType))
        {
            return MediaTypes.IsIndex(mediaType) ? "Index" : "Image";
        }

        foreach ((string part, string word) in s_words)
        {
            if (artifactType.Contains(part, StringComparison.OrdinalIgnoreCase))
            {
                return word;
            }
        }

        return "Artifact";
    }

    /// <summary>A word for what a tag such as <c>sha256-HEX.sig</c> attaches.</summary>
    public static string OfTag(string tag) =>
        tag.EndsWith(".sig", StringComparison.Ordinal) ? "Signature"
        : tag.EndsWith(".att", StringComparison.Ordinal) ? "Attestation"
        : tag.EndsWith(".sbom", StringComparison.Ordinal) ? "SBOM"
        : "Referrers";
}
