using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Dockerfile;

/// <summary>Variables: HOME=/root, EMPTY is empty, path=a/b/c.tar.gz, two="one two", GLOB=a*b?c, U=über; NONE and UNSET have no value.</summary>
public sealed class ShellLexerTests
{
    private static readonly VariableScope s_scope = VariableScope.Empty
        .WithEnvironment("HOME", "/root").WithEnvironment("EMPTY", "").WithEnvironment("path", "a/b/c.tar.gz")
        .WithEnvironment("two", "one two").WithEnvironment("GLOB", "a*b?c").WithEnvironment("U", "über").WithEnvironment("rep", "foofoo")
        .WithArgument("NONE", null);

    [Theory]
    [InlineData("", "")]
    [InlineData("plain", "plain")]
    [InlineData("$HOME", "/root")]
    [InlineData("${HOME}", "/root")]
    [InlineData("a$HOME.b", "a/root.b")]
    [InlineData("${HOME}x", "/rootx")]
    [InlineData("$HOMEx", "")]
    [InlineData("$UNSET", "")]
    [InlineData("$NONE", "")]
    [InlineData("$", "$")]
    [InlineData("a$", "a$")]
    [InlineData("$ x", "$ x")]
    [InlineData("$/x", "$/x")]
    [InlineData("$1x", "x")]
    [InlineData("$12x", "x")]
    [InlineData("$@x", "x")]
    [InlineData("\\$HOME", "$HOME")]
    [InlineData("\\\\$HOME", "\\/root")]
    [InlineData("\\${HOME}", "${HOME}")]
    [InlineData("a\\bc", "abc")]
    [InlineData("end\\", "end")]
    [InlineData("'$HOME'", "$HOME")]
    [InlineData("\"$HOME\"", "/root")]
    [InlineData("\"\\$HOME\"", "$HOME")]
    [InlineData("\"a\\bc\"", "a\\bc")]
    [InlineData("\"a\\\"b\"", "a\"b")]
    [InlineData("\"a\\\\b\"", "a\\b")]
    [InlineData("'a\\b'", "a\\b")]
    [InlineData("'it'\"'\"'s'", "it's")]
    [InlineData("\"it's\"", "it's")]
    [InlineData("'say \"x\"'", "say \"x\"")]
    [InlineData("a'b'c\"d\"", "abcd")]
    [InlineData("über$U", "überüber")]
    public void Expand_PlainFormsAndQuotes_GiveTheText(string text, string expected) => Assert.Equal(expected, Expand(text));

    [Theory]
    [InlineData("${HOME:-x}", "/root")]
    [InlineData("${EMPTY:-x}", "x")]
    [InlineData("${UNSET:-x}", "x")]
    [InlineData("${NONE:-x}", "x")]
    [InlineData("${EMPTY-x}", "")]
    [InlineData("${UNSET-x}", "x")]
    [InlineData("${UNSET:-}", "")]
    [InlineData("${HOME:+x}", "x")]
    [InlineData("${EMPTY:+x}", "")]
    [InlineData("${UNSET:+x}", "")]
    [InlineData("${EMPTY+x}", "x")]
    [InlineData("${UNSET+x}", "")]
    [InlineData("${HOME:?x}", "/root")]
    [InlineData("${EMPTY?x}", "")]
    [InlineData("${UNSET:-$HOME}", "/root")]
    [InlineData("${UNSET:-${HOME}}", "/root")]
    [InlineData("${UNSET:-${NONE:-${HOME}}}", "/root")]
    [InlineData("${UNSET:-a\\}b}", "a}b")]
    [InlineData("${UNSET:-'}'}", "}")]
    [InlineData("${UNSET:-\"a b\"}", "a b")]
    [InlineData("${UNSET:-\\$HOME}", "$HOME")]
    [InlineData("\"${UNSET:-x}\"", "x")]
    [InlineData("${UNSET:-a:b}", "a:b")]
    public void Expand_Alternatives_GiveTheText(string text, string expected) => Assert.Equal(expected, Expand(text));

    [Theory]
    [InlineData("${path#*/}", "b/c.tar.gz")]
    [InlineData("${path##*/}", "c.tar.gz")]
    [InlineData("${path%.*}", "a/b/c.tar")]
    [InlineData("${path%%.*}", "a/b/c")]
    [InlineData("${path#a}", "/b/c.tar.gz")]
    [InlineData("${path#x}", "a/b/c.tar.gz")]
    [InlineData("${path%gz}", "a/b/c.tar.")]
    [InlineData("${path%x}", "a/b/c.tar.gz")]
    [InlineData("${path#?/}", "b/c.tar.gz")]
    [InlineData("${path##*}", "")]
    [InlineData("${path#*}", "a/b/c.tar.gz")]
    [InlineData("${path%%*}", "")]
    [InlineData("${UNSET#x}", "")]
    [InlineData("${GLOB#a\\*}", "b?c")]
    [InlineData("${GLOB%\\?c}", "a*b")]
    [InlineData("${GLOB#a\\?}", "a*b?c")]
    [InlineData("${path##$UNSET*/}", "c.tar.gz")]
    [InlineData("${path#${UNSET:-a}/}", "b/c.tar.gz")]
    [InlineData("${U#?}", "ber")]
    public void Expand_PrefixAndSuffix_AreRemoved(string text, string expected) => Assert.Equal(expected, Expand(text));

    [Theory]
    [InlineData("${rep/foo/bar}", "barfoo")]
    [InlineData("${rep//foo/bar}", "barbar")]
    [InlineData("${rep//o/}", "ff")]
    [InlineData("${rep/x/y}", "foofoo")]
    [InlineData("${rep/f*o/-}", "-")]
    [InlineData("${rep//?/ab}", "abababababab")]
    [InlineData("${path//\\//-}", "a-b-c.tar.gz")]
    [InlineData("${path/\\/b/}", "a/c.tar.gz")]
    [InlineData("${GLOB/\\*/x}", "axb?c")]
    [InlineData("${rep/foo/$HOME}", "/rootfoo")]
    [InlineData("${rep/foo/a\\}b}", "a}bfoo")]
    [InlineData("${UNSET/a/b}", "")]
    [InlineData("${EMPTY//a/b}", "")]
    public void Expand_Replacement_ReplacesTheLongestMatch(string text, string expected) => Assert.Equal(expected, Expand(text));

    [Theory]
    [InlineData("${str#f*b}", "arbaz")]
    [InlineData("${str##f*b}", "az")]
    [InlineData("${str%b*}", "foobar")]
    [InlineData("${str%%b*}", "foo")]
    [InlineData("${str/ba/fo}", "fooforbaz")]
    [InlineData("${str//ba/fo}", "fooforfoz")]
    public void Expand_ExamplesOfTheReference_GiveItsResults(string text, string expected) =>
        Assert.Equal(expected, new ShellLexer('\\').Expand(text, VariableScope.Empty.WithEnvironment("str", "foobarbaz")).Text);

    [Theory]
    [InlineData("${", "syntax error: missing '}'")]
    [InlineData("${HOME", "syntax error: missing '}'")]
    [InlineData("${HOME:-x", "syntax error: missing '}'")]
    [InlineData("${}", "syntax error: bad substitution")]
    [InlineData("${:}", "syntax error: bad substitution")]
    [InlineData("${{HOME}}", "syntax error: bad substitution")]
    [InlineData("${HOME!x}", "unsupported modifier (!) in substitution")]
    [InlineData("${HOME:=x}", "unsupported modifier (:=) in substitution")]
    [InlineData("${HOME:#x}", "unsupported modifier (:#) in substitution")]
    [InlineData("${HOME/x}", "syntax error: missing '/'")]
    [InlineData("${HOME/x/y", "syntax error: missing '}'")]
    [InlineData("'abc", "unexpected end of statement while looking for matching single-quote")]
    [InlineData("\"abc", "unexpected end of statement while looking for matching double-quote")]
    [InlineData("\"abc\\", "unexpected end of statement while looking for matching double-quote")]
    [InlineData("${UNSET?}", "UNSET: is not allowed to be unset")]
    [InlineData("${UNSET:?}", "UNSET: is not allowed to be unset")]
    [InlineData("${EMPTY:?}", "EMPTY: is not allowed to be empty")]
    [InlineData("${UNSET:?set me}", "UNSET: set me")]
    [InlineData("${EMPTY:?set $HOME}", "EMPTY: set /root")]
    public void Expand_Broken_SaysWhat(string text, string message)
    {
        MicaException exception = Assert.Throws<MicaException>(() => Expand(text));

        Assert.Equal(message, exception.Message);
        Assert.Equal(ErrorKind.InvalidArgument, exception.Kind);
    }

    [Theory]
    [InlineData("a b", "a|b")]
    [InlineData("  a\tb ", "a|b")]
    [InlineData("$two", "one|two")]
    [InlineData("\"$two\"", "one two")]
    [InlineData("x$two", "xone|two")]
    [InlineData("a\\ b", "a b")]
    [InlineData("'a b' c", "a b|c")]
    [InlineData("''", "")]
    [InlineData("$EMPTY", null)]
    [InlineData("a '' b", "a||b")]
    [InlineData("${UNSET:-x y}", "x|y")]
    [InlineData("", null)]
    public void Expand_Blanks_SplitWhereNotQuoted(string text, string? expected) =>
        Assert.Equal(expected?.Split('|') ?? [], new ShellLexer('\\').Expand(text, s_scope).Words);

    [Theory]
    [InlineData("`$HOME", "$HOME")]
    [InlineData("\\$HOME", "\\/root")]
    [InlineData("C:\\dir", "C:\\dir")]
    [InlineData("${UNSET:-a`}b}", "a}b")]
    public void Expand_BacktickEscapes_BackslashIsText(string text, string expected) =>
        Assert.Equal(expected, new ShellLexer('`').Expand(text, s_scope).Text);

    [Theory]
    [InlineData("it's $HOME", "it's /root")]
    [InlineData("\"\\$HOME\"", "\"$HOME\"")]
    public void Expand_PlainQuotes_AreText(string text, string expected) =>
        Assert.Equal(expected, new ShellLexer('\\') { PlainQuotes = true }.Expand(text, s_scope).Text);

    [Theory]
    [InlineData("$UNSET-${UNSET}-${UNSET:-x}-$HOME", "$UNSET-${UNSET}-${UNSET:-x}-/root")]
    [InlineData("${UNSET#a}${UNSET/a/b}", "${UNSET#a}${UNSET/a/b}")]
    public void Expand_KeepUnset_LeavesWhatHasNoValue(string text, string expected) =>
        Assert.Equal(expected, new ShellLexer('\\') { KeepUnset = true }.Expand(text, s_scope).Text);

    [Fact]
    public void Expand_Raw_KeepsQuotesAndEscapes() =>
        Assert.Equal("\"a b\" \\$x 'c'", new ShellLexer('\\') { RawQuotes = true, RawEscapes = true }.Expand("\"a b\" \\$x 'c'", s_scope).Text);

    [Fact]
    public void Expand_Variables_TellsUsedAndUndefined()
    {
        Expansion expansion = new ShellLexer('\\').Expand("$HOME $UNSET ${OTHER:-x} ${THIRD#a} $NONE", s_scope);

        Assert.Equal(["HOME"], expansion.Used);
        Assert.Equal(["NONE", "THIRD", "UNSET"], expansion.Undefined.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Expand_ValuesThatDouble_StopAtTheLimit()
    {
        VariableScope scope = VariableScope.Empty.WithEnvironment("v", new string('x', 600_000));

        Assert.Contains("expands to more than", Assert.Throws<MicaException>(() => new ShellLexer('\\').Expand("$v$v", scope)).Message, StringComparison.Ordinal);
        Assert.Contains("expands to more than", Assert.Throws<MicaException>(() => new ShellLexer('\\').Expand("\"$v$v\"", scope)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Expand_NestedTooDeep_IsRefused()
    {
        string text = string.Concat(Enumerable.Repeat("${a:-", 50_000));

        Assert.Contains("nested deeper", Assert.Throws<MicaException>(() => Expand(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Expand_PatternOfManyStars_TakesNoTime()
    {
        VariableScope scope = VariableScope.Empty.WithEnvironment("v", new string('a', 10_000));

        Assert.Equal(new string('a', 10_000), new ShellLexer('\\').Expand("${v#*a*a*a*a*a*a*a*b}", scope).Text);
    }

    private static string Expand(string text) => new ShellLexer('\\').Expand(text, s_scope).Text;
}
