using System.Text;
using Mica.RegistryServer.Web;

namespace Mica.Tests.RegistryServer.Web;

public sealed class WordsTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "1 kB")]
    [InlineData(13_800_000, "13.8 MB")]
    [InlineData(1_234_000, "1.23 MB")]
    [InlineData(999_999, "1 MB")]
    [InlineData(long.MaxValue, "9.22 EB")]
    public void Size_Bytes_HasThreeDigits(long bytes, string expected) => Assert.Equal(expected, Words.Size(bytes).Replace('\u00a0', ' '));

    [Theory]
    [InlineData(0, "Less than a second ago")]
    [InlineData(1, "1 second ago")]
    [InlineData(90, "About a minute ago")]
    [InlineData(3 * 86400, "3 days ago")]
    [InlineData(400 * 86400, "13 months ago")]
    [InlineData(-5, "just now")]
    public void Since_Seconds_AreTheWordsOfTheCommandLine(int seconds, string expected)
    {
        DateTimeOffset now = DateTimeOffset.UnixEpoch.AddYears(30);

        Assert.Equal(expected, Words.Since(now.AddSeconds(-seconds), now));
    }

    [Fact]
    public void Write_TextInMarkup_IsEscaped()
    {
        var html = new HtmlWriter();

        html.Write($"<p title=\"{"a\"b'c"}\">{"<&>"}{7L}\u00e9{"\u0001\u202e\ud800\r\n"}</p>");

        Assert.Equal("<p title=\"a&quot;b&#39;c\">&lt;&amp;&gt;7\u00e9\ufffd\ufffd\ufffd\n</p>", Encoding.UTF8.GetString(html.Written.Span));
    }
}
