using Mica.Oci;

namespace Mica.Tests.Oci;

public sealed class PlatformTests
{
    [Theory]
    [InlineData("linux/amd64", "linux/amd64")]
    [InlineData("linux/x86_64", "linux/amd64")]
    [InlineData("linux/amd64/v1", "linux/amd64")]
    [InlineData("linux/amd64/v3", "linux/amd64/v3")]
    [InlineData("Linux/ARM64", "linux/arm64")]
    [InlineData("linux/aarch64", "linux/arm64")]
    [InlineData("linux/arm64/v8", "linux/arm64")]
    [InlineData("linux/arm64/8", "linux/arm64")]
    [InlineData("linux/arm64/v9", "linux/arm64/v9")]
    [InlineData("linux/arm", "linux/arm/v7")]
    [InlineData("linux/arm/7", "linux/arm/v7")]
    [InlineData("linux/arm/v5", "linux/arm/v5")]
    [InlineData("linux/armhf", "linux/arm/v7")]
    [InlineData("linux/armel", "linux/arm/v6")]
    [InlineData("linux/i386", "linux/386")]
    [InlineData("macos/arm64", "darwin/arm64")]
    [InlineData("windows/amd64", "windows/amd64")]
    [InlineData("arm64", "linux/arm64")]
    [InlineData("s390x", "linux/s390x")]
    public void TryParse_UsualSpellings_AreNormalized(string text, string normalized)
    {
        Assert.True(Platform.TryParse(text, out Platform? platform));
        Assert.Equal(normalized, platform.ToString());
        Assert.Equal(platform, Platform.Parse(normalized));
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("linux/")]
    [InlineData("/amd64")]
    [InlineData("linux/amd64/v2/x")]
    [InlineData("linux/amd 64")]
    [InlineData("linux/*")]
    [InlineData("nonsense")]
    public void TryParse_NotAPlatform_IsFalse(string? text)
    {
        Assert.False(Platform.TryParse(text, out _));
    }

    [Fact]
    public void Parse_NotAPlatform_SaysWhatToWrite()
    {
        Assert.Equal("invalid platform \"a b\": write os/architecture[/variant], such as linux/arm64",
            Assert.Throws<MicaException>(() => Platform.Parse("a b")).Message);
    }

    [Theory]
    [InlineData("linux/amd64", "linux/amd64", true)]
    [InlineData("linux/amd64", "linux/386", true)]
    [InlineData("linux/386", "linux/amd64", false)]
    [InlineData("linux/amd64", "linux/arm64", false)]
    [InlineData("linux/amd64", "windows/amd64", false)]
    [InlineData("linux/amd64", "linux/amd64/v2", false)]
    [InlineData("linux/amd64/v3", "linux/amd64/v2", true)]
    [InlineData("linux/amd64/v3", "linux/amd64", true)]
    [InlineData("linux/amd64/v2", "linux/amd64/v3", false)]
    [InlineData("linux/arm64", "linux/arm64/v8", true)]
    [InlineData("linux/arm64", "linux/arm64/v9", false)]
    [InlineData("linux/arm64/v9", "linux/arm64", true)]
    [InlineData("linux/arm64", "linux/arm/v7", true)]
    [InlineData("linux/arm64", "linux/arm/v8", true)]
    [InlineData("linux/arm/v7", "linux/arm64", false)]
    [InlineData("linux/arm/v7", "linux/arm/v6", true)]
    [InlineData("linux/arm/v6", "linux/arm/v7", false)]
    [InlineData("linux/arm/v7", "linux/arm", true)]
    [InlineData("linux/riscv64", "linux/riscv64", true)]
    [InlineData("unknown/unknown", "linux/amd64", false)]
    public void Rank_ImageForPlatform_SaysWhetherItRuns(string host, string image, bool runs)
    {
        Assert.Equal(runs, Of(host).Rank(Of(image)) > 0);
    }

    [Theory]
    [InlineData("linux/amd64/v4", "linux/amd64/v4", "linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386")]
    [InlineData("linux/arm/v7", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5")]
    [InlineData("linux/arm64", "linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5")]
    public void Rank_Variants_FallBackFromTheNewest(string host, params string[] best)
    {
        int[] ranks = [.. best.Select(image => Of(host).Rank(Of(image)))];

        Assert.Equal(ranks.OrderDescending(), ranks);
        Assert.Equal(ranks.Length, ranks.Distinct().Count());
    }

    [Fact]
    public void Rank_OsVersion_MustBeTheSameWhereBothSayIt()
    {
        Platform host = Of("windows/amd64") with { OsVersion = "10.0.1" };

        Assert.Equal(0, host.Rank(Of("windows/amd64") with { OsVersion = "10.0.2" }));
        Assert.True(host.Rank(Of("windows/amd64") with { OsVersion = "10.0.1" }) > 0);
        Assert.True(host.Rank(Of("windows/amd64")) > 0);
    }

    private static Platform Of(string text)
    {
        string[] parts = text.Split('/');
        return new Platform { Os = parts[0], Architecture = parts[1], Variant = parts.Length > 2 ? parts[2] : null };
    }
}
