using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Store.Archives;

public sealed class ImageLocationTests
{
    [Theory]
    [InlineData("docker://nginx", "docker://nginx:latest")]
    [InlineData("docker://127.0.0.1:5000/a/b:1", "docker://127.0.0.1:5000/a/b:1")]
    [InlineData("registry://nginx:1", "docker://nginx:1")]
    [InlineData("oci:dir", "oci:dir")]
    [InlineData("oci:/some/dir:v1", "oci:/some/dir:v1")]
    [InlineData("oci:dir:docker.io/library/nginx:1.27", "oci:dir:docker.io/library/nginx:1.27")]
    [InlineData("oci:dir:@2", "oci:dir:@2")]
    [InlineData("oci-archive:a.tar:v1", "oci-archive:a.tar:v1")]
    [InlineData("docker-archive:a.tar", "docker-archive:a.tar")]
    [InlineData("docker-archive:a.tar:nginx", "docker-archive:a.tar:docker.io/library/nginx:latest")]
    [InlineData("docker-archive:a.tar:@0", "docker-archive:a.tar:@0")]
    [InlineData("docker-archive:-", "docker-archive:-")]
    [InlineData("dir:/a:b/c", "dir:/a:b/c")]
    [InlineData("mica:nginx:1", "mica:nginx:1")]
    [InlineData("mica:0123456789ab", "mica:0123456789ab")]
    public void Parse_WellFormed_IsTheLocation(string text, string shown)
    {
        Assert.Equal(shown, ImageLocation.Parse(text).ToString());
    }

    [Fact]
    public void Parse_OciWithName_SplitsAtTheFirstColon()
    {
        Assert.Equal(new OciLayoutLocation("d", "x/y:1"), ImageLocation.Parse("oci:d:x/y:1"));
    }

    [Theory]
    [InlineData("nginx", "no transport is named; write docker://nginx for a registry or mica:nginx for the local store")]
    [InlineData("nginx:1", "no transport is named; write docker://nginx:1 for a registry or mica:nginx:1 for the local store")]
    [InlineData("docker:nginx", "write docker://nginx for an image in a registry")]
    [InlineData("docker-daemon:nginx:1", "transport docker-daemon is not supported")]
    [InlineData("ftp://x y", "unknown transport \"ftp\"")]
    [InlineData("oci:", "there is no path")]
    [InlineData("oci::v1", "there is no path")]
    [InlineData("oci:dir:", "there is no name after the last colon")]
    [InlineData("oci:/tmp/a:b c/d", "\"b c/d\" is not a name that a layout can hold (the path ends at the first colon)")]
    [InlineData("docker-archive:/tmp/a:B c.tar", "is not an image reference (the path ends at the first colon)")]
    [InlineData("mica:", "there is no image name")]
    [InlineData("", "unknown transport \"\"")]
    public void Parse_Malformed_SaysWhatToWrite(string text, string problem)
    {
        MicaException error = Assert.Throws<MicaException>(() => ImageLocation.Parse(text));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ArchiveNamedByDigest_IsRefused()
    {
        MicaException error = Assert.Throws<MicaException>(() => ImageLocation.Parse($"docker-archive:a.tar:nginx@{Digest.Of("x"u8)}"));

        Assert.Contains("named by a tag", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ControlCharacters_DoNotReachTheMessage()
    {
        MicaException error = Assert.Throws<MicaException>(() => ImageLocation.Parse("oci:a:\u001b[31m"));

        Assert.DoesNotContain('\u001b', error.Message);
    }
}
