using CsCheck;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Dockerfile;

public sealed class DockerfilePropertyTests
{
    private static readonly Gen<string> s_words = OneOf(
        "FROM ", "RUN ", "COPY ", "ADD ", "ENV ", "ARG ", "LABEL ", "HEALTHCHECK ", "ONBUILD ", "VOLUME ", "EXPOSE ", "scratch", " AS ", "a=b", "--mount=", "type=cache,",
        "target=", "--from=", "--", "<<EOF", "<<-\"E\"", "3<<X", "EOF", "\n", "\n", "\r\n", "\\", "\\\n", "`", "#", "# check=", "# escape=", "\"", "'", "[", "]", "{", "}",
        "$", "${", ":-", "?", "/", "%", "*", "\t", " ", "NONE", "CMD ", "\0", "\uFEFF", "é", "\uD83D\uDE00");

    private static readonly Gen<string> s_text = Gen.OneOf(s_words, s_words, s_words, Gen.String).Array[0, 40].Select(parts => string.Concat(parts));

    [Fact]
    public void Parse_AnyText_NeverThrowsAndStaysWithinTheFile() => s_text.Sample(text =>
    {
        DockerfileDocument document = DockerfileDocument.Parse(text);

        Assert.All(document.Diagnostics, diagnostic =>
        {
            Assert.InRange(diagnostic.Lines.Start, 1, Math.Max(1, document.Source.Lines.Length));
            Assert.InRange(diagnostic.Lines.End, diagnostic.Lines.Start, Math.Max(1, document.Source.Lines.Length));
            Assert.True(diagnostic.Span is not { } span || (diagnostic.Lines.Contains(span.Line) && span.Column <= document.Source[span.Line].Length + 1));
        });
        Assert.DoesNotContain(Excerpt.Of(document.Source, document.Diagnostics), c => char.IsControl(c) && c != '\n');
    });

    [Fact]
    public void Parse_AnyBytes_NeverThrows() => Gen.Byte.Array[0, 200].Sample(bytes => _ = DockerfileDocument.Parse(bytes));

    [Fact]
    public void Expand_AnyText_ThrowsOnlyInvalidArgument() => s_text.Sample(text =>
    {
        VariableScope scope = VariableScope.Empty.WithEnvironment("a", "x y*z");
        try
        {
            new ShellLexer('\\').Expand(text, scope);
        }
        catch (MicaException exception)
        {
            Assert.Equal(ErrorKind.InvalidArgument, exception.Kind);
        }
    });

    [Fact]
    public void Expand_TextWithoutQuotesAndDollars_IsItself() =>
        Gen.String.Select(text => string.Concat(text.Where(c => c is not ('$' or '\'' or '"' or '\\')))).Sample(text =>
            Assert.Equal(text, new ShellLexer('\\').Expand(text, VariableScope.Empty).Text));

    [Fact]
    public void Expand_SingleQuotedText_IsItself() => Gen.String.Where(text => !text.Contains('\'', StringComparison.Ordinal)).Sample(text =>
        Assert.Equal([text], new ShellLexer('\\').Expand($"'{text}'", VariableScope.Empty).Words));

    [Fact]
    public void MayIncludeBelow_OfEveryParentOfAnIncludedPath_IsTrue()
    {
        Gen<string> name = OneOf("a", "b", "ab");
        Gen<string> path = name.Array[1, 5].Select(names => string.Join('/', names));
        Gen<string> element = OneOf("a", "b", "*", "**", "a*", "?", "[ab]");
        Gen<string> pattern = Gen.Select(Gen.Bool, element.Array[1, 4], (includes, elements) => (includes ? "!" : "") + string.Join('/', elements));

        Gen.Select(pattern.Array[1, 5], path).Sample((patterns, file) =>
        {
            PatternList list = PatternList.Of(patterns);
            if (list.Decide(file).IsExcluded)
            {
                return;
            }

            for (int slash = file.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = file.IndexOf('/', slash + 1))
            {
                Assert.True(list.MayIncludeBelow(file[..slash]), $"{file[..slash]} of {file} with {string.Join(' ', patterns)}");
            }
        });
    }

    [Fact]
    public void Covers_AnyPath_IsWhatMatchSays()
    {
        Gen<string> path = OneOf("a", "b", "ab", "/", "é").Array[1, 8].Select(parts => string.Concat(parts).Trim('/'));
        Gen<string> pattern = OneOf("a", "b", "*", "**", "?", "/", "[^a]", "é", "\\a").Array[1, 8].Select(parts => string.Concat(parts));

        Gen.Select(pattern, path).Sample((text, name) =>
        {
            Assert.True(GlobPattern.TryParse(text, doubleStar: true, out GlobPattern? glob));
            Assert.Equal(glob.Match(name) == GlobResult.Matches, glob.Covers(System.Text.Encoding.UTF8.GetBytes(name)));
        });
    }

    private static Gen<string> OneOf(params string[] words) => Gen.Int[0, words.Length - 1].Select(index => words[index]);
}
