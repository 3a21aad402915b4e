using System.Collections.Immutable;
using System.Text;

namespace Mica.Dockerfile;

/// <summary>Lines to instructions. Never fails: what is wrong goes to the list, and the rest is read on.</summary>
internal sealed class SyntaxParser
{
    private readonly SourceText _source;
    private readonly DiagnosticList _problems;
    private readonly ParserDirectives _directives;
    private int _line = 1;

    private SyntaxParser(SourceText source, DiagnosticList problems)
    {
        _source = source;
        _problems = problems;
        _directives = ParserDirectives.Read(source, problems);
    }

    public static DockerfileSyntax Parse(SourceText source, DiagnosticList problems) => new SyntaxParser(source, problems).Parse();

    private DockerfileSyntax Parse()
    {
        ImmutableArray<InstructionSyntax>.Builder instructions = ImmutableArray.CreateBuilder<InstructionSyntax>();
        List<string> comments = [];
        while (_line <= _source.Lines.Length)
        {
            ReadOnlySpan<char> trimmed = _source[_line].AsSpan().TrimStart();
            if (trimmed.StartsWith("#"))
            {
                comments.Add(trimmed[1..].Trim().ToString());
                _line++;
            }
            else if (trimmed.IsEmpty)
            {
                comments.Clear();
                _line++;
            }
            else
            {
                if (ReadInstruction([.. comments]) is { } instruction)
                {
                    instructions.Add(instruction);
                }

                comments.Clear();
            }
        }

        if (instructions.Count == 0 && _problems.Count == 0)
        {
            int last = Math.Max(1, _source.Lines.Length);
            _problems.Add("file with no instructions", new LineRange(last, last));
        }

        return new DockerfileSyntax(_source, _directives, instructions.ToImmutable());
    }

    private InstructionSyntax? ReadInstruction(ImmutableArray<string> comments)
    {
        LogicalLine line = ReadLogicalLine();
        string text = line.Text;
        int start = FlagReader.SkipBlanks(text, 0);
        int end = start;
        while (end < text.Length && !char.IsWhiteSpace(text[end]))
        {
            end++;
        }

        if (start == end)
        {
            // Only escape characters and comments: nothing is there.
            return null;
        }

        string keyword = text[start..end];
        int position = end;
        ImmutableArray<FlagSyntax> flags = FlagReader.Read(text, ref position);
        string arguments = text[position..].TrimEnd();
        ImmutableArray<Heredoc> heredocs = ReadHeredocs(keyword, arguments, line.Lines);
        var lines = new LineRange(line.Lines.Start, _line - 1);
        for (int number = lines.Start; number <= lines.End; number++)
        {
            bool isComment = number <= line.Lines.End && _source[number].AsSpan().TrimStart().StartsWith("#");
            if (_source.IsDamaged(number) && !isComment)
            {
                _problems.Add("the line is not valid UTF-8", new LineRange(number, number));
            }
        }

        if (text.Contains('\0', StringComparison.Ordinal))
        {
            _problems.Add("the instruction has a NUL character", lines, line.Locate(text.IndexOf('\0', StringComparison.Ordinal), 1));
        }

        return new InstructionSyntax
        {
            Line = line,
            Keyword = keyword,
            KeywordOffset = start,
            Flags = flags,
            Arguments = arguments,
            ArgumentsOffset = position,
            Heredocs = heredocs,
            Comments = comments,
            Lines = lines,
        };
    }

    private LogicalLine ReadLogicalLine()
    {
        var builder = new LogicalLine.Builder();
        int first = _line;
        int last = first;
        bool continues = true;
        while (continues && _line <= _source.Lines.Length)
        {
            string raw = _source[_line];
            ReadOnlySpan<char> trimmed = raw.AsSpan().TrimStart();
            if (_line > first && (trimmed.IsEmpty || trimmed.StartsWith("#")))
            {
                builder.HasEmptyContinuation |= trimmed.IsEmpty;
            }
            else
            {
                // Blanks before a continued line are part of the text; before the instruction they are not.
                int column = _line == first ? raw.Length - trimmed.Length : 0;
                ReadOnlySpan<char> text = raw.AsSpan(column);
                continues = TrimContinuation(ref text);
                builder.Add(text, _line, column + 1);
                last = _line;
            }

            _line++;
        }

        return builder.Build(new LineRange(first, continues ? last : _line - 1));
    }

    /// <summary>Cuts the escape character at the end, with blanks behind it; two of them in a row are text.</summary>
    private bool TrimContinuation(ref ReadOnlySpan<char> text)
    {
        char escape = _directives.EscapeCharacter;
        ReadOnlySpan<char> line = text.TrimEnd(" \t");
        if (!line.EndsWith([escape]) || line.EndsWith([escape, escape]))
        {
            return false;
        }

        text = line[..^1];
        return true;
    }

    private ImmutableArray<Heredoc> ReadHeredocs(string keyword, string arguments, LineRange lines)
    {
        if (!arguments.Contains("<<", StringComparison.Ordinal) || !MayHaveHeredocs(keyword, arguments))
        {
            return [];
        }

        ImmutableArray<Heredoc>.Builder heredocs = ImmutableArray.CreateBuilder<Heredoc>();
        foreach (HeredocWord word in HeredocWord.In(arguments))
        {
            if (ReadHeredoc(word) is not { } heredoc)
            {
                _problems.Add("unterminated heredoc", new LineRange(lines.Start, Math.Max(lines.End, _source.Lines.Length)));
                break;
            }

            heredocs.Add(heredoc);
        }

        return heredocs.ToImmutable();
    }

    private Heredoc? ReadHeredoc(HeredocWord word)
    {
        var content = new StringBuilder();
        int first = _line;
        while (_line <= _source.Lines.Length)
        {
            string line = _source[_line++];
            if ((word.Chomp ? line.TrimStart('\t') : line) == word.Name)
            {
                return new Heredoc(word.Name, word.FileDescriptor, word.Chomp, word.Expand, content.ToString(), new LineRange(first, _line - 1));
            }

            content.Append(line).Append('\n');
        }

        return null;
    }

    private static bool MayHaveHeredocs(string keyword, string arguments)
    {
        string name = keyword.ToUpperInvariant();
        if (name == "ONBUILD")
        {
            string[] words = arguments.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries);
            return words.Length == 2 && words[0].ToUpperInvariant() is "RUN" or "COPY" or "ADD" && JsonForm.Parse(words[1], out _) is not JsonForm.Kind.Strings;
        }

        return name is "RUN" or "COPY" or "ADD" && JsonForm.Parse(arguments, out _) is not JsonForm.Kind.Strings;
    }
}
