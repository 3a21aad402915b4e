using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Dockerfile;

public sealed class IgnoreFileTests
{
    [Fact]
    public void Parse_CommentsBlanksAndMark_LeaveThePatternsWithTheirLines()
    {
        IgnoreFile file = IgnoreFile.Parse("\uFEFF# comment\n\n  *.tmp  \r\n #not-a-comment\n/build/\n! keep.tmp\n");

        Assert.Equal(["3 *.tmp", "4 #not-a-comment", "5 /build/", "6 ! keep.tmp"], file.Patterns.Patterns.Select(pattern => $"{pattern.Line} {pattern.Text}"));
        Assert.True(file.Patterns.Decide("build/x").IsExcluded);
        Assert.True(file.Patterns.Decide("#not-a-comment").IsExcluded);
        Assert.False(file.Patterns.Decide("keep.tmp").IsExcluded);
    }

    [Fact]
    public void Parse_BrokenPattern_NamesTheLine() =>
        Assert.Equal(".dockerignore:2: syntax error in pattern \"[a\"", Assert.Throws<MicaException>(() => IgnoreFile.Parse("ok\n[a\n")).Message);

    [Theory]
    [InlineData("a.log", "a.log: excluded by .dockerignore:1: *.log")]
    [InlineData("keep.log", "keep.log: included by .dockerignore:2: !keep.log")]
    [InlineData("./main.c", "main.c: included, no pattern of .dockerignore matches")]
    [InlineData("/a.log", "a.log: excluded by .dockerignore:1: *.log")]
    public void Explain_Path_NamesTheDecidingPattern(string path, string expected) =>
        Assert.Equal(expected, IgnoreFile.Parse("*.log\n!keep.log\n").Explain(path));

    [Fact]
    public void Candidates_Dockerfile_ItsOwnComesFirst() =>
        Assert.Equal(["build/web.Dockerfile.dockerignore", ".dockerignore"], IgnoreFile.Candidates("build/web.Dockerfile"));

    [Fact]
    public void Parse_TooManyPatterns_IsRefused() =>
        Assert.Throws<MicaException>(() => IgnoreFile.Parse(string.Concat(Enumerable.Repeat("a\n", 30_000))));
}
