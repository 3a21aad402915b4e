using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry.Configuration;

public sealed class CredentialKeyTests
{
    [Theory]
    [InlineData("https://index.docker.io/v1/", "docker.io")]
    [InlineData("https://index.docker.io/v1", "docker.io")]
    [InlineData("https://index.docker.io/v2/", "docker.io")]
    [InlineData("http://index.docker.io/v1/", "docker.io")]
    [InlineData("index.docker.io/v1/", "docker.io")]
    [InlineData("index.docker.io/v1", "docker.io")]
    [InlineData("https://index.docker.io/v1//", "docker.io")]
    [InlineData("docker.io//v1", "docker.io")]
    [InlineData("ghcr.io/v2//", "ghcr.io")]
    [InlineData("index.docker.io", "docker.io")]
    [InlineData("docker.io", "docker.io")]
    [InlineData("https://docker.io/", "docker.io")]
    [InlineData("registry-1.docker.io", "docker.io")]
    [InlineData("https://registry-1.docker.io/v2/", "docker.io")]
    [InlineData("Docker.IO", "docker.io")]
    [InlineData("https://index.docker.io/v1/refresh-token", "docker.io/v1/refresh-token")]
    [InlineData("docker.io/library/nginx", "docker.io/library/nginx")]
    [InlineData("GHCR.io", "ghcr.io")]
    [InlineData("https://ghcr.io", "ghcr.io")]
    [InlineData("https://ghcr.io/", "ghcr.io")]
    [InlineData("https://ghcr.io/v2/", "ghcr.io")]
    [InlineData("ghcr.io/v1/", "ghcr.io")]
    [InlineData("ghcr.io/v2", "ghcr.io/v2")]
    [InlineData("quay.io/team/app/", "quay.io/team/app")]
    [InlineData("127.0.0.1:5000", "127.0.0.1:5000")]
    [InlineData("http://[::1]:5000", "[::1]:5000")]
    public void Parse_AnySpelling_IsTheSameKey(string text, string expected) =>
        Assert.Equal(expected, CredentialKey.Parse(text).ToString());

    [Theory]
    [InlineData("quay.io", "quay.io/a/b", true)]
    [InlineData("quay.io/a", "quay.io/a/b", true)]
    [InlineData("quay.io/a/b", "quay.io/a/b", true)]
    [InlineData("quay.io/a/b", "quay.io/a", false)]
    [InlineData("quay.io/a", "quay.io/ab", false)]
    [InlineData("quay.io", "quay.io:443/a", false)]
    [InlineData("example.com", "quay.io/a", false)]
    [InlineData("index.docker.io", "docker.io/library/nginx", true)]
    public void Covers_HostAndPath_MatchWholeParts(string entry, string repository, bool expected) =>
        Assert.Equal(expected, CredentialKey.Parse(entry).Covers(CredentialKey.Parse(repository)));

    [Theory]
    [InlineData("docker.io", "https://index.docker.io/v1/")]
    [InlineData("ghcr.io", "ghcr.io")]
    [InlineData("docker.io/library", "docker.io/library")]
    public void ToDockerText_HubOnly_IsUrl(string key, string expected) =>
        Assert.Equal(expected, CredentialKey.Parse(key).ToDockerText());

    [Theory]
    [InlineData("")]
    [InlineData("myhost")]
    [InlineData("ghcr.io/UPPER")]
    [InlineData("ghcr.io/app:tag")]
    [InlineData("a b.c")]
    [InlineData("https:///x")]
    [InlineData("example.com\n")]
    public void ParseRegistry_NotARegistry_Throws(string text)
    {
        var error = Assert.Throws<MicaException>(() => CredentialKey.ParseRegistry(text));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.DoesNotContain('\n', error.Message);
    }
}
