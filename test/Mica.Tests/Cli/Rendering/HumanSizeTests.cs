using System.Globalization;
using Mica.Cli.Rendering;

namespace Mica.Tests.Cli.Rendering;

public sealed class HumanSizeTests
{
    [Fact]
    public void Sizes_TableMadeWithPrintf_AreTheSame()
    {
        // Made with C's %.3g and %.4g, whose rules Go shares; each line: bytes, short, long, binary.
        string[] lines = Golden.Read("sizes.txt").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        foreach (string line in lines)
        {
            long bytes = long.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture);
            Assert.Equal(line, $"{bytes} {HumanSize.Short(bytes)} {HumanSize.Long(bytes)} {HumanSize.Binary(bytes)}");
        }

        Assert.True(lines.Length > 200);
    }

    [Theory]
    [InlineData(72_900_000, "72.9MB")]
    [InlineData(1_090_000_000, "1.09GB")]
    [InlineData(0, "0B")]
    [InlineData(999_999, "1MB")]
    [InlineData(-3333, "-3.33kB")]
    public void Short_Bytes_HasThreeDigits(long bytes, string expected)
    {
        Assert.Equal(expected, HumanSize.Short(bytes));
    }
}
