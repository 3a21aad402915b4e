using System.Globalization;
using Mica.Cli.Rendering;

namespace Mica.Tests.Cli.Rendering;

public sealed class HumanTimeTests
{
    [Theory]
    [InlineData("-0:0:5", "Less than a second")]
    [InlineData("0:0:0.9", "Less than a second")]
    [InlineData("0:0:1", "1 second")]
    [InlineData("0:0:59", "59 seconds")]
    [InlineData("0:1:0", "About a minute")]
    [InlineData("0:1:59", "About a minute")]
    [InlineData("0:2:0", "2 minutes")]
    [InlineData("0:59:59", "59 minutes")]
    [InlineData("1:0:0", "About an hour")]
    [InlineData("1:29:59", "About an hour")]
    [InlineData("1:30:0", "2 hours")]
    [InlineData("1.23:0:0", "47 hours")]
    [InlineData("2.0:0:0", "2 days")]
    [InlineData("13.23:0:0", "13 days")]
    [InlineData("14.0:0:0", "2 weeks")]
    [InlineData("59.23:0:0", "8 weeks")]
    [InlineData("60.0:0:0", "2 months")]
    [InlineData("729.0:0:0", "24 months")]
    [InlineData("730.0:0:0", "2 years")]
    [InlineData("20440.0:0:0", "56 years")]
    public void Duration_Span_IsInDockersWords(string span, string expected)
    {
        Assert.Equal(expected, HumanTime.Duration(TimeSpan.Parse(span, CultureInfo.InvariantCulture)));
    }

    [Theory]
    [InlineData("1970-01-01T00:00:00Z", "N/A")]
    [InlineData("2000-01-01T00:00:00Z", "N/A")]
    [InlineData("2000-01-01T00:00:01Z", "24 years ago")]
    public void SinceOrNone_TimeOfReproducibleBuild_IsNotAvailable(string time, string expected)
    {
        DateTimeOffset now = new(2024, 6, 1, 0, 0, 0, TimeSpan.Zero);

        Assert.Equal(expected, HumanTime.SinceOrNone(DateTimeOffset.Parse(time, CultureInfo.InvariantCulture), now));
    }

    [Theory]
    [InlineData("2024-11-12T03:02:03.1200000+02:00", "2024-11-12 01:02:03 +0000 UTC", "2024-11-12T01:02:03Z", "2024-11-12T01:02:03.12Z")]
    [InlineData("2024-11-12T01:02:03Z", "2024-11-12 01:02:03 +0000 UTC", "2024-11-12T01:02:03Z", "2024-11-12T01:02:03Z")]
    public void Formats_Time_AreInUtc(string text, string plain, string seconds, string nano)
    {
        DateTimeOffset time = DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

        Assert.Equal(plain, HumanTime.Plain(time));
        Assert.Equal(seconds, HumanTime.Rfc3339(time));
        Assert.Equal(nano, HumanTime.Rfc3339Nano(time));
    }
}
