using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Mica.Dockerfile;

/// <summary>
/// A whole Dockerfile: global arguments, stages, and everything that is wrong with it. Parsing never throws; what could be
/// understood is there even when something else is wrong, but only a document without diagnostics can be built.
/// </summary>
public sealed class DockerfileDocument
{
    private DockerfileDocument(DockerfileSyntax syntax, ImmutableArray<ArgInstruction> arguments, ImmutableArray<Stage> stages, ImmutableArray<Diagnostic> diagnostics)
    {
        Syntax = syntax;
        GlobalArguments = arguments;
        Stages = stages;
        Diagnostics = diagnostics;
    }

    /// <summary>The layer below: every instruction as it is written.</summary>
    public DockerfileSyntax Syntax { get; }

    /// <summary>The file's lines.</summary>
    public SourceText Source => Syntax.Source;

    /// <summary>The parser directives.</summary>
    public ParserDirectives Directives => Syntax.Directives;

    /// <summary>The ARG instructions before the first FROM.</summary>
    public ImmutableArray<ArgInstruction> GlobalArguments { get; }

    /// <summary>In the order of the file.</summary>
    public ImmutableArray<Stage> Stages { get; }

    /// <summary>All problems, in the order of the file.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; }

    /// <summary>Reads a file's bytes.</summary>
    /// <param name="content">The whole file.</param>
    /// <param name="fileName">What excerpts call it.</param>
    public static DockerfileDocument Parse(ReadOnlySpan<byte> content, string fileName = "Dockerfile")
    {
        var problems = new DiagnosticList();
        SourceText? source = SourceText.Read(content, fileName);
        if (source is null)
        {
            problems.Add($"the file is larger than {SourceText.MaxBytes >> 20} MiB or has more than {SourceText.MaxLines} lines", new LineRange(1, 1));
            var nothing = new DockerfileSyntax(SourceText.Read([], fileName)!, new ParserDirectives(), []);
            return new DockerfileDocument(nothing, [], [], problems.ToImmutable());
        }

        DockerfileSyntax syntax = SyntaxParser.Parse(source, problems);
        var builder = new StageBuilder(syntax, problems);
        return new DockerfileDocument(syntax, builder.Arguments, builder.Stages, problems.ToImmutable());
    }

    /// <summary>Reads text.</summary>
    public static DockerfileDocument Parse(string text, string fileName = "Dockerfile") => Parse(Encoding.UTF8.GetBytes(text), fileName);

    /// <exception cref="DockerfileException">The document has diagnostics.</exception>
    public void ThrowIfInvalid()
    {
        if (!Diagnostics.IsEmpty)
        {
            throw new DockerfileException(Diagnostics, Excerpt.Of(Source, Diagnostics));
        }
    }

    /// <summary>A problem that is found while building, as exception with the lines of <paramref name="instruction"/>.</summary>
    public DockerfileException ProblemOf(Instruction instruction, string message)
    {
        var diagnostic = new Diagnostic(Oci.Printable.Of(message), instruction.Lines);
        return new DockerfileException([diagnostic], Excerpt.Of(Source, instruction.Lines));
    }

    /// <summary>
    /// The stage that a FROM, <c>--from</c> or <c>--target</c> means: by name in any case, the last of several, or where
    /// <paramref name="byNumber"/> by index. Null when there is none; then the name is an image's or a context's.
    /// </summary>
    /// <param name="name">A name or number.</param>
    /// <param name="before">Only stages before this index, as an instruction of that stage sees them; null is all.</param>
    /// <param name="byNumber">FROM takes no numbers.</param>
    public Stage? FindStage(string name, int? before = null, bool byNumber = true)
    {
        int end = Math.Min(before ?? Stages.Length, Stages.Length);
        for (int i = end - 1; i >= 0; i--)
        {
            if (Stages[i].Name is { } own && own.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return Stages[i];
            }
        }

        return byNumber && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < end ? Stages[index] : null;
    }

    /// <summary>The name of a stage that <paramref name="name"/> may be meant for; null when none is near.</summary>
    public string? SuggestStage(string name) => Suggestion.Find(name, Stages.Select(stage => stage.Name).OfType<string>());
}
