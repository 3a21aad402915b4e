using Mica.Cli.Rendering;

namespace Mica.Tests.Cli.Rendering;

public sealed class TextTableTests
{
    [Fact]
    public void ToString_NarrowCells_AreTenWideAndTheLastIsNotPadded()
    {
        var table = new TextTable();
        table.Add("TYPE", "SIZE", "LAST");
        table.Add("Images", "0B", "x");

        Assert.Equal("TYPE      SIZE      LAST\nImages    0B        x\n", table.ToString());
    }

    [Fact]
    public void ToString_EmptyLastCell_KeepsThePaddingBeforeIt()
    {
        var table = new TextTable();
        table.Add("SIZE", "COMMENT");
        table.Add("75MB", "");

        Assert.Equal("SIZE      COMMENT\n75MB      \n", table.ToString());
    }

    [Fact]
    public void ToString_WideCharacters_CountTwoColumns()
    {
        var table = new TextTable();
        table.Add("漢字漢字漢字", "a");
        table.Add("éé", "b");
        table.Add("e\u0301", "c");

        Assert.Equal("漢字漢字漢字   a\néé             b\ne\u0301              c\n", table.ToString());
    }

    [Fact]
    public void ToString_LineWithoutTabs_SeparatesTheColumns()
    {
        var table = new TextTable();
        table.AddText("a-very-long-first-cell\tx\nno tabs here\nb\ty\tz\nccccccccccccc\ty");

        Assert.Equal("a-very-long-first-cell   x\nno tabs here\nb               y         z\nccccccccccccc   y\n", table.ToString());
    }

    [Fact]
    public void Add_ControlCharacters_AreMadeVisible()
    {
        var table = new TextTable();
        table.Add("a\tb\nc", "\u001b[31mred");

        Assert.Equal("a b c     \\x1b[31mred\n", table.ToString());
    }

    [Theory]
    [InlineData("short", 45, "short")]
    [InlineData("123456", 6, "123456")]
    [InlineData("1234567", 6, "12345…")]
    [InlineData("漢字漢字", 6, "漢字…")]
    [InlineData("漢字漢字", 8, "漢字漢字")]
    public void Ellipsis_Text_FitsTheColumns(string text, int columns, string expected)
    {
        Assert.Equal(expected, DisplayWidth.Ellipsis(text, columns));
    }
}
