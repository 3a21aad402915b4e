using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Mica.Oci;

/// <summary>Spelling and matching of platforms, as containerd's <c>platforms</c> package defines them for the field.</summary>
internal static class PlatformText
{
    private static readonly HashSet<string> s_systems = ["aix", "android", "darwin", "dragonfly", "freebsd", "illumos",
        "ios", "js", "linux", "netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows"];

    private static readonly HashSet<string> s_architectures = ["386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle",
        "mips64", "mips64le", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"];

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out Platform? platform)
    {
        platform = null;
        string[] parts = (text ?? "").Split('/');
        if (parts.Length > 3 || parts.Any(part => !IsWord(part)))
        {
            return false;
        }

        Platform current = Platform.Current;
        if (parts.Length == 1)
        {
            (string architecture, string? variant) = NormalizeArchitecture(parts[0].ToLowerInvariant(), null);
            string system = NormalizeSystem(parts[0]);
            if (s_systems.Contains(system))
            {
                platform = current with { Os = system };
            }
            else if (s_architectures.Contains(architecture))
            {
                platform = new Platform { Os = current.Os, Architecture = architecture, Variant = variant }.Normalize();
            }

            return platform is not null;
        }

        platform = new Platform
        {
            Os = NormalizeSystem(parts[0]),
            Architecture = parts[1],
            Variant = parts.Length == 3 ? parts[2] : null,
        }.Normalize();
        return true;
    }

    public static Platform Normalize(Platform platform)
    {
        (string architecture, string? variant) = NormalizeArchitecture(platform.Architecture.ToLowerInvariant(), platform.Variant);
        return platform with { Os = NormalizeSystem(platform.Os), Architecture = architecture, Variant = variant };
    }

    public static int Rank(Platform host, Platform image)
    {
        host = host.Normalize();
        image = image.Normalize();
        if (host.Os != image.Os || (host.OsVersion is { } version && image.OsVersion is { } other && version != other))
        {
            return 0;
        }

        int wanted = Level(host);
        int offered = Level(image);
        if (host.Architecture == image.Architecture)
        {
            return wanted == offered && host.Variant == image.Variant ? 1000
                : wanted > 0 && offered > 0 && offered <= wanted ? 500 + offered
                : 0;
        }

        // A 64-bit core runs the 32-bit code of its family; worse than anything native.
        if (host.Architecture == "amd64" && image.Architecture == "386")
        {
            return 50;
        }

        return host.Architecture == "arm64" && image.Architecture == "arm" && offered is > 0 and <= 8 ? 100 + offered : 0;
    }

    private static bool IsWord(string part) =>
        part.Length is > 0 and <= 64 && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');

    private static string NormalizeSystem(string system) => system.ToLowerInvariant() switch { "macos" => "darwin", string other => other };

    private static (string Architecture, string? Variant) NormalizeArchitecture(string architecture, string? variant)
    {
        variant = variant is { Length: > 0 } ? variant.ToLowerInvariant() : null;
        return architecture switch
        {
            "i386" or "i486" or "i586" or "i686" => ("386", null),
            "386" => ("386", null),
            "x86_64" or "x86-64" or "amd64" => ("amd64", variant is "v1" or "1" ? null : variant),
            "aarch64" or "arm64" => ("arm64", variant is "v8" or "8" or "v8.0" ? null : variant),
            "armhf" => ("arm", variant ?? "v7"),
            "armel" => ("arm", "v6"),
            "arm" => ("arm", variant switch { null or "7" => "v7", "5" or "6" or "8" => "v" + variant, _ => variant }),
            _ => (architecture, variant),
        };
    }

    /// <summary>The number in the variant, with the base level where the normal form leaves it out; 0 when there is no order.</summary>
    private static int Level(Platform platform)
    {
        int none = platform.Architecture switch { "amd64" => 1, "arm64" => 8, _ => 0 };
        if (platform.Variant is not { } variant)
        {
            return none;
        }

        return platform.Architecture is "amd64" or "arm64" or "arm" && variant.StartsWith('v')
            && int.TryParse(variant.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int level) ? level : 0;
    }
}
