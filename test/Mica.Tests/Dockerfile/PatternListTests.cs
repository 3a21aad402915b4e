using System.Text;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Dockerfile;

public sealed class PatternListTests
{
    [Theory]
    [InlineData("a", "a", true)]
    [InlineData("a", "b", false)]
    [InlineData("a", "a/b/c", true)]
    [InlineData("a", "x/a", false)]
    [InlineData("/a", "a", true)]
    [InlineData("a/", "a", true)]
    [InlineData("./a/../b", "b", true)]
    [InlineData("*", "a/b", true)]
    [InlineData("*.md", "README.md", true)]
    [InlineData("*.md", "docs/x.md", false)]
    [InlineData("**/*.md", "docs/x.md", true)]
    [InlineData("**/*.md", "x.md", true)]
    [InlineData("**/*.md", "a/b/c/x.md", true)]
    [InlineData("**/*.md", "a/b/c/x.mdx", false)]
    [InlineData("*/temp*", "a/temporary", true)]
    [InlineData("*/temp*", "temporary", false)]
    [InlineData("*/*/temp*", "a/b/temp", true)]
    [InlineData("temp?", "tempa", true)]
    [InlineData("temp?", "temp", false)]
    [InlineData("temp?", "temp/", false)]
    [InlineData("a/**", "a", false)]
    [InlineData("a/**", "a/b", true)]
    [InlineData("a/**", "a/b/c", true)]
    [InlineData("a/**/b", "a/b", true)]
    [InlineData("a/**/b", "a/x/y/b", true)]
    [InlineData("a/**/b", "a/xb", false)]
    [InlineData("**", "anything/at/all", true)]
    [InlineData("**/a", "a", true)]
    [InlineData("**/a", "ba", false)]
    [InlineData("**a", "a", true)]
    [InlineData("**a", "x/a", true)]
    [InlineData("**/a/**", "x/a/y", true)]
    [InlineData("[a-c]x", "bx", true)]
    [InlineData("[a-c]x", "dx", false)]
    [InlineData("[^a-c]x", "dx", true)]
    [InlineData("[^a-c]x", "ax", false)]
    [InlineData("[]a]x", "ax", null)]
    [InlineData("\\*x", "*x", true)]
    [InlineData("\\*x", "ax", false)]
    [InlineData("a.b", "aXb", false)]
    [InlineData("a+(b)$", "a+(b)$", true)]
    [InlineData("übér/*", "übér/x", true)]
    [InlineData("?ber", "über", true)]
    [InlineData("[a", "a", null)]
    [InlineData("a\\", "a", null)]
    [InlineData("[b-a]", "a", null)]
    public void Decide_OnePattern_FollowsTheRules(string pattern, string path, bool? excluded)
    {
        if (excluded is null)
        {
            Assert.Contains("syntax error in pattern", Assert.Throws<MicaException>(() => PatternList.Of([pattern])).Message, StringComparison.Ordinal);
            return;
        }

        Assert.Equal(excluded, PatternList.Of([pattern]).Decide(path).IsExcluded);
    }

    [Theory]
    [InlineData("*.md|!README.md", "README.md", false, 2)]
    [InlineData("*.md|!README*.md|README-secret.md", "README-secret.md", true, 3)]
    [InlineData("*.md|README-secret.md|!README*.md", "README-secret.md", false, 3)]
    [InlineData("*|!**/x", "a/b/x", false, 2)]
    [InlineData("*|!**/x", "a/b/y", true, 1)]
    [InlineData("*|!src", "src/deep/file", false, 2)]
    [InlineData("*|!src/*.c", "src/a.c", false, 2)]
    [InlineData("*|!src/*.c", "src/a.h", true, 1)]
    [InlineData("a|!a/b|a/b/c", "a/b/c/d", true, 3)]
    [InlineData("a|!a/b|a/b/c", "a/b/x", false, 2)]
    [InlineData("!a", "a", false, 1)]
    public void Decide_SeveralPatterns_LastMatchWins(string patterns, string path, bool excluded, int deciding)
    {
        PatternDecision decision = PatternList.Of(patterns.Split('|')).Decide(path);

        Assert.Equal(excluded, decision.IsExcluded);
        Assert.Equal(deciding, decision.Deciding?.Line);
    }

    [Theory]
    [InlineData("node_modules", "node_modules", false)]
    [InlineData("node_modules", "src", true)]
    [InlineData("*|!src", "src", true)]
    [InlineData("*|!src", "doc", false)]
    [InlineData("*|!src/a/b", "src", true)]
    [InlineData("*|!src/a/b", "src/a", true)]
    [InlineData("*|!src/a/b", "src/c", false)]
    [InlineData("*|!**/x", "any/thing", true)]
    [InlineData("*|!**/x|secret", "secret", false)]
    [InlineData("*|!doc/*.md", "doc", true)]
    [InlineData("*|!doc/*.md", "doc/sub", false)]
    [InlineData("a|!a/b|a", "a", false)]
    [InlineData("a|!a/b*|a/bc", "a", true)]
    public void MayIncludeBelow_Directory_PrunesOnlyWhatNothingTakesIn(string patterns, string directory, bool expected) =>
        Assert.Equal(expected, PatternList.Of(patterns.Split('|')).MayIncludeBelow(directory));

    [Fact]
    public void Decide_NameThatIsNotUtf8_MatchesWildcards()
    {
        byte[] path = [(byte)'a', 0xE9, (byte)'b'];

        Assert.True(PatternList.Of(["a?b"]).Decide(path).IsExcluded);
        Assert.True(PatternList.Of(["a*"]).Decide(path).IsExcluded);
        Assert.False(PatternList.Of(["aéb"]).Decide(path).IsExcluded);
    }

    [Fact]
    public void Decide_ReplacementCharacterInThePattern_MatchesBytesThatAreNotUtf8() =>
        Assert.True(PatternList.Of(["a\uFFFDb"]).Decide([(byte)'a', 0xE9, (byte)'b']).IsExcluded);

    [Fact]
    public void Decide_ManyStars_TakesNoTime()
    {
        PatternList patterns = PatternList.Of([string.Concat(Enumerable.Repeat("*a", 500)) + "b"]);

        Assert.False(patterns.Decide(new string('a', 4000)).IsExcluded);
    }

    [Fact]
    public void Of_LoneExclamationMark_IsRefused() =>
        Assert.Equal("exclude pattern 1: illegal exclusion pattern: \"!\"", Assert.Throws<MicaException>(() => PatternList.Of(["!"])).Message);

    [Theory]
    [InlineData("", ".")]
    [InlineData("/", "/")]
    [InlineData("a//b/./c/", "a/b/c")]
    [InlineData("a/../..", "..")]
    [InlineData("/../a", "/a")]
    [InlineData("../a/../b", "../b")]
    public void Clean_Path_IsTheShortest(string path, string expected) => Assert.Equal(expected, GlobPath.Clean(path));

    [Theory]
    [InlineData("a/b/./c/d", "a/b", "c/d")]
    [InlineData("./a/b", "", "a/b")]
    [InlineData("./a/./b/c", "a", "b/c")]
    [InlineData("a/b", "", "a/b")]
    public void SplitAtPivot_Source_KeepsWhatIsBehind(string source, string dropped, string kept) =>
        Assert.Equal((dropped, kept), GlobPath.SplitAtPivot(source));

    [Theory]
    [InlineData("*.go", "a.go", true)]
    [InlineData("*.go", "d/a.go", false)]
    [InlineData("a**c", "abbc", true)]
    [InlineData("a**c", "a/c", false)]
    public void GlobPattern_WithoutDoubleStar_StaysInOneDirectory(string text, string path, bool expected)
    {
        Assert.True(GlobPattern.TryParse(text, doubleStar: false, out GlobPattern? pattern));

        Assert.Equal(expected, pattern.IsMatch(Encoding.UTF8.GetBytes(path)));
    }
}
