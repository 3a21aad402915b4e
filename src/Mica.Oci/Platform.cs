using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace Mica.Oci;

/// <summary>
/// What an image runs on, written <c>os/architecture[/variant]</c> with Go's names. OCI image-spec v1.1,
/// image-index.md#platform-variants.
/// </summary>
public sealed record Platform
{
    /// <summary>GOOS value, such as <c>linux</c>.</summary>
    [JsonPropertyName("os")]
    public required string Os { get; init; }

    /// <summary>GOARCH value, such as <c>amd64</c>.</summary>
    [JsonPropertyName("architecture")]
    public required string Architecture { get; init; }

    /// <summary>Such as <c>v7</c> of arm or <c>v3</c> of amd64; null when the architecture has only one, or its base one.</summary>
    [JsonPropertyName("variant")]
    public string? Variant { get; init; }

    /// <summary>Windows build number, such as <c>10.0.17763.1234</c>.</summary>
    [JsonPropertyName("os.version")]
    public string? OsVersion { get; init; }

    /// <summary>Mandatory features of the OS.</summary>
    [JsonPropertyName("os.features")]
    public ImmutableArray<string>? OsFeatures { get; init; }

    /// <summary>Reserved by the specification; kept as it came.</summary>
    [JsonPropertyName("features")]
    public ImmutableArray<string>? Features { get; init; }

    /// <summary>The platform of this process.</summary>
    public static Platform Current { get; } = new Platform
    {
        Os = "linux",
        Architecture = RuntimeInformation.OSArchitecture switch
        {
            System.Runtime.InteropServices.Architecture.X64 => "amd64",
            System.Runtime.InteropServices.Architecture.X86 => "386",
            System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
            System.Runtime.InteropServices.Architecture.Arm => "arm",
            System.Runtime.InteropServices.Architecture.Ppc64le => "ppc64le",
            System.Runtime.InteropServices.Architecture.S390x => "s390x",
            System.Runtime.InteropServices.Architecture.RiscV64 => "riscv64",
            System.Runtime.InteropServices.Architecture.LoongArch64 => "loong64",
            System.Runtime.InteropServices.Architecture other => other.ToString().ToLowerInvariant(),
        },
        Variant = RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm ? "v7" : null,
    };

    /// <summary>
    /// Parses <c>os[/arch[/variant]]</c> or a bare architecture, with the usual other names (<c>x86_64</c>, <c>aarch64</c>,
    /// <c>armhf</c>, …), into the normalized form; what is left out is that of <see cref="Current"/>.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out Platform? platform) =>
        PlatformText.TryParse(text, out platform);

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a platform.</exception>
    public static Platform Parse(string text) => TryParse(text, out Platform? platform)
        ? platform
        : throw new MicaException(ErrorKind.InvalidArgument, $"invalid platform \"{Printable.Of(text)}\": write os/architecture[/variant], such as linux/arm64");

    /// <summary>The same platform with Go's names and without variants that say nothing (<c>arm64/v8</c>, <c>amd64/v1</c>).</summary>
    public Platform Normalize() => PlatformText.Normalize(this);

    /// <summary>
    /// How well an image for <paramref name="image"/> runs on this platform: 0 when it does not, else more is better. A
    /// CPU runs older variants of its architecture: arm/v7 takes v7, then v6, then v5; amd64/v3 takes v3, v2, v1; arm64
    /// takes arm v8, v7, ….
    /// </summary>
    public int Rank(Platform image) => PlatformText.Rank(this, image);

    /// <summary><c>os/architecture[/variant]</c>, as given.</summary>
    public override string ToString() => Variant is { Length: > 0 } ? $"{Os}/{Architecture}/{Variant}" : $"{Os}/{Architecture}";
}
