using System.Text;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Dockerfile;

public sealed class DockerfileDocumentTests
{
    private static readonly DockerfileDocument s_stages = DockerfileDocument.Parse("""
        FROM scratch AS Base
        FROM base AS build
        FROM base AS build
        FROM scratch
        """);

    [Theory]
    [InlineData("base", null, 0)]
    [InlineData("BASE", null, 0)]
    [InlineData("build", null, 2)]
    [InlineData("build", 2, 1)]
    [InlineData("3", null, 3)]
    [InlineData("3", 3, null)]
    [InlineData("4", null, null)]
    [InlineData("-1", null, null)]
    [InlineData("+1", null, null)]
    [InlineData("other", null, null)]
    public void FindStage_NameOrNumber_IsTheStageBefore(string name, int? before, int? expected) =>
        Assert.Equal(expected, s_stages.FindStage(name, before)?.Index);

    [Fact]
    public void FindStage_NumberInFrom_IsNoStage() => Assert.Null(s_stages.FindStage("0", byNumber: false));

    [Theory]
    [InlineData("biuld", "build")]
    [InlineData("bas", "base")]
    [InlineData("base", null)]
    [InlineData("alpine", null)]
    public void SuggestStage_Misspelt_IsTheNearest(string name, string? expected) => Assert.Equal(expected, s_stages.SuggestStage(name));

    [Fact]
    public void ThrowIfInvalid_SeveralProblems_CarriesAll()
    {
        DockerfileException exception = Assert.Throws<DockerfileException>(() => DockerfileDocument.Parse("FORM a\nFROM b\nRUNN c\n").ThrowIfInvalid());

        Assert.Equal("dockerfile parse error on line 1: unknown instruction: FORM (did you mean FROM?) (and 1 more)", exception.Message);
        Assert.Equal(ErrorKind.InvalidArgument, exception.Kind);
        Assert.Equal([1, 3], exception.Diagnostics.Select(diagnostic => diagnostic.Lines.Start));
        Assert.Contains("   3 | >>> RUNN c\n     |     ^^^^\n", exception.Excerpt, StringComparison.Ordinal);
    }

    [Fact]
    public void ProblemOf_Instruction_QuotesItsLines()
    {
        DockerfileDocument document = DockerfileDocument.Parse("FROM scratch\nCOPY a \\\n  b\n", "web/Dockerfile");

        DockerfileException exception = document.ProblemOf(document.Stages[0].Instructions[0], "\"/a\": not found");

        Assert.Equal("dockerfile parse error on line 2: \"/a\": not found", exception.Message);
        Assert.Equal(
            "web/Dockerfile:2\n--------------------\n   1 |     FROM scratch\n   2 | >>> COPY a \\\n   3 | >>>   b\n--------------------\n", exception.Excerpt);
    }

    [Fact]
    public void Parse_LinesThatAreNotUtf8_AreRefusedOutsideOfComments()
    {
        byte[] content = [.. "FROM scratch\n# caf"u8, 0xE9, .. "\nRUN caf"u8, 0xE9, .. "\nCOPY <<E /\n# caf"u8, 0xE9, .. "\nE\n"u8];

        DockerfileDocument document = DockerfileDocument.Parse(content);

        Assert.Equal(["dockerfile parse error on line 3: the line is not valid UTF-8", "dockerfile parse error on line 5: the line is not valid UTF-8"], document.Diagnostics.Select(diagnostic => diagnostic.ToString()));
    }

    [Fact]
    public void Parse_TooLarge_IsOneProblem()
    {
        Assert.Single(DockerfileDocument.Parse(new byte[SourceText.MaxBytes + 1]).Diagnostics);
        Assert.Single(DockerfileDocument.Parse(Encoding.UTF8.GetBytes(new string('\n', SourceText.MaxLines + 1))).Diagnostics);
    }

    [Fact]
    public void Parse_HundredThousandProblems_KeepsAHundred() =>
        Assert.Equal(100, DockerfileDocument.Parse("FROM scratch\n" + string.Concat(Enumerable.Repeat("FOO\n", 100_000))).Diagnostics.Length);

    [Fact]
    public void Parse_OneInstructionOfManyLines_IsRead()
    {
        string text = "FROM scratch\nRUN true" + string.Concat(Enumerable.Repeat(" \\\n && true", 100_000)) + "\n";

        DockerfileDocument document = DockerfileDocument.Parse(text);

        Assert.Equal(new LineRange(2, 100_002), document.Stages[0].Instructions[0].Lines);
    }

    [Fact]
    public void Parse_JsonNestedDeep_IsShellForm()
    {
        DockerfileDocument document = DockerfileDocument.Parse("FROM scratch\nCMD " + new string('[', 100_000) + "\n");

        Assert.IsType<ShellCommand>(Assert.IsType<CmdInstruction>(document.Stages[0].Instructions[0]).Command);
    }

    [Fact]
    public void Excerpt_NoDiagnostics_IsEmpty() => Assert.Equal("", Excerpt.Of(s_stages.Source, s_stages.Diagnostics));

    [Fact]
    public void Excerpt_LongInstruction_LeavesOutTheMiddle()
    {
        string text = "FROM scratch\nRUN true" + string.Concat(Enumerable.Repeat(" \\\n && true", 500)) + "\n";
        DockerfileDocument document = DockerfileDocument.Parse(text);

        string excerpt = Excerpt.Of(document.Source, document.Stages[0].Instructions[0].Lines);

        Assert.InRange(excerpt.Count(c => c == '\n'), 40, 50);
        Assert.Contains("more lines", excerpt, StringComparison.Ordinal);
        Assert.Contains("\n 502 | >>>  && true\n", excerpt, StringComparison.Ordinal);
    }

    [Fact]
    public void Locate_WordOnAContinuedLine_IsWhereItStands()
    {
        DockerfileDocument document = DockerfileDocument.Parse("FROM scratch\nENV a=1 \\\n  # comment\n    b \\\n  c=2\n");

        Assert.Equal(new SourceSpan(4, 5, 1), Assert.Single(document.Diagnostics).Span);
    }
}
