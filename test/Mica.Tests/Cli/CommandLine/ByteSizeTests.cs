using Mica.Cli.CommandLine;
using Mica.Oci;

namespace Mica.Tests.Cli.CommandLine;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1024", 1024)]
    [InlineData("7b", 7)]
    [InlineData("64k", 64 << 10)]
    [InlineData("64 KB", 64 << 10)]
    [InlineData("1.5m", 3 << 19)]
    [InlineData("2GiB", 2L << 30)]
    [InlineData("8191t", 8191L << 40)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void Parse_Size_IsPowersOf1024(string text, long expected) => Assert.Equal(expected, ByteSize.Parse(text, "--x"));

    [Theory]
    [InlineData("")]
    [InlineData("b")]
    [InlineData("g")]
    [InlineData("-1")]
    [InlineData("1e3")]
    [InlineData("1,000")]
    [InlineData("10p")]
    [InlineData("8388608t")]
    [InlineData("99999999999999999999999999999999999")]
    public void Parse_NoSize_NamesTheOption(string text)
    {
        MicaException error = Assert.Throws<MicaException>(() => ByteSize.Parse(text, "--max"));

        Assert.Equal((ErrorKind.InvalidArgument, $"invalid size: '{text}' for --max (a number, and k, m, g or t)"), (error.Kind, error.Message));
    }
}
