using System.Text;
using System.Text.Json;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;

namespace Mica.Tests.Cli.Templates;

public sealed class TemplateTests
{
    /// <summary>
    /// The table: a line with <c>&gt; </c> and a template, below it what it prints, indented, or <c>! </c> and the error. Output
    /// was compared with docker's client 28 on the same document; wordings of a few parse errors differ.
    /// </summary>
    [Fact]
    public void Apply_TableOfTemplates_PrintsWhatTheTableSays()
    {
        using JsonDocument document = JsonDocument.Parse(Golden.Read("templates/image.json"));
        Value image = Value.Of(document.RootElement, ImageShape.Of);
        var actual = new StringBuilder();
        int count = 0;

        foreach (string line in Golden.Read("templates/image.txt").Split('\n'))
        {
            if (line.StartsWith("> ", StringComparison.Ordinal))
            {
                count++;
                actual.Append(line).Append('\n').Append(Outcome(line[2..].Replace("\\n", "\n", StringComparison.Ordinal), image)).Append('\n');
            }
            else if (line.StartsWith('#') || line.Length == 0)
            {
                actual.Append(line).Append('\n');
            }
        }

        Assert.True(count > 100);
        Golden.Verify("templates/image.txt", actual.ToString().TrimEnd('\n') + "\n");
    }

    [Fact]
    public void Apply_FieldThatARowHasNot_NamesTheType()
    {
        var row = new RowValue("image", [new("ID", Value.Of("abc"))]);

        TemplateException error = Assert.Throws<TemplateException>(() => Template.Parse("{{.Nope}}").Apply(row));

        Assert.Equal("template parsing error: template: :1:2: executing \"\" at <.Nope>: can't evaluate field Nope in type image", error.Message);
    }

    [Fact]
    public void Json_Row_IsSortedAndEscapedAsGoDoesIt()
    {
        var row = new RowValue("image", [new("Tag", Value.Of("<none>")), new("ID", Value.Of("a&b"))]);

        Assert.Equal("""{"ID":"a\u0026b","Tag":"\u003cnone\u003e"}""", Template.Parse("{{json .}}").Apply(row));
        Assert.Equal("\"<none>\"", Template.Parse("{{json .Tag}}").Apply(row));
    }

    [Fact]
    public void Parse_DeeplyNested_EndsWithAnError()
    {
        string template = "{{" + new string('(', 5000) + ".Id" + new string(')', 5000) + "}}";

        Assert.Contains("nested more than", Assert.Throws<TemplateException>(() => Template.Parse(template)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{.Id\u001b}}", "1: bad character U+001B '\\x1b'")]
    [InlineData("{{\u2028}}", "1: bad character U+2028 '\\u2028'")]
    [InlineData("{{\"\\x\u001b\"}}", "1: invalid syntax: \"\\x\\x1b\"")]
    [InlineData("{{index .A `\u001b`}}", "1:2: executing \"\" at <index .A `\\x1b`>: error calling index: cannot index slice/array with type string")]
    public void Apply_ControlCharacters_AreShownEscaped(string template, string message)
    {
        var row = new RowValue("image", [new("A", Value.Of("x"))]);

        TemplateException error = Assert.Throws<TemplateException>(() => Template.Parse(template).Apply(row));

        Assert.Equal("template parsing error: template: :" + message, error.Message);
    }

    [Fact]
    public void Apply_NestedRangesWithoutOutput_AreBounded()
    {
        const string Template = "{{range 1000000}}{{range 1000000}}{{end}}{{end}}";

        Assert.EndsWith("range takes too long", Assert.Throws<TemplateException>(() => Mica.Cli.Templates.Template.Parse(Template).Apply(Value.Null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_OutputOfNestedRanges_IsBounded()
    {
        const string Template = "{{range 1000000}}{{range 1000000}}0123456789{{end}}{{end}}";

        Assert.Contains("too long", Assert.Throws<TemplateException>(() => Mica.Cli.Templates.Template.Parse(Template).Apply(Value.Null)).Message, StringComparison.Ordinal);
    }

    private static string Outcome(string template, Value value)
    {
        try
        {
            return "  " + Template.Parse(template).Apply(value).Replace("\n", "\n  ", StringComparison.Ordinal);
        }
        catch (TemplateException error)
        {
            return "! " + error.Message["template parsing error: template: ".Length..];
        }
    }
}
