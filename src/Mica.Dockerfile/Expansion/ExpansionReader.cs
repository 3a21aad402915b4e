using System.Collections.Immutable;
using System.Text;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>One pass over a text: quotes, escapes, and at each <c>$</c> a <see cref="Substitution"/>.</summary>
internal sealed class ExpansionReader(ShellLexer lexer, string text, VariableScope scope, VariableUse use)
{
    public const char End = '\0';

    private int _position;
    private int _depth;

    public ShellLexer Lexer => lexer;

    public VariableScope Scope => scope;

    public VariableUse Use => use;

    public bool AtEnd => _position >= text.Length;

    public char Peek => AtEnd ? End : text[_position];

    public int Position => _position;

    public string Since(int start) => text[start.._position];

    public char Next() => AtEnd ? End : text[_position++];

    public (string Text, ImmutableArray<string> Words) Read() => ReadUntil(stop: null, rawEscapes: false);

    /// <summary>Reads up to <paramref name="stop"/> and takes it; what is nested is expanded.</summary>
    public (string Text, ImmutableArray<string> Words) ReadUntil(char? stop, bool rawEscapes)
    {
        if (++_depth > ShellLexer.MaxDepth)
        {
            throw Broken($"substitutions are nested deeper than {ShellLexer.MaxDepth}");
        }

        var builder = new WordBuilder();
        while (!AtEnd)
        {
            char c = Peek;
            if (c == stop)
            {
                _position++;
                _depth--;
                return builder.Build();
            }

            if (c == '$')
            {
                builder.AddSplitting(new Substitution(this).Read());
            }
            else if (c is '\'' or '"' && !lexer.PlainQuotes)
            {
                builder.AddWhole(c == '"' ? ReadDoubleQuoted() : ReadSingleQuoted());
            }
            else
            {
                ReadCharacter(builder, rawEscapes);
            }
        }

        _depth--;
        return stop is null ? builder.Build() : throw Broken($"unexpected end of statement while looking for matching {stop}");
    }

    public static MicaException Broken(string message) => new(ErrorKind.InvalidArgument, Printable.Of(message));

    private void ReadCharacter(WordBuilder builder, bool rawEscapes)
    {
        char c = Next();
        if (c != lexer.Escape)
        {
            builder.Add(c);
            return;
        }

        if (lexer.RawEscapes || rawEscapes)
        {
            builder.AddWhole([c]);
        }

        if (!AtEnd)
        {
            builder.AddWhole([Next()]);
        }
    }

    private string ReadSingleQuoted()
    {
        int start = _position++;
        int end = text.IndexOf('\'', _position);
        if (end < 0)
        {
            throw Broken("unexpected end of statement while looking for matching single-quote");
        }

        _position = end + 1;
        return lexer.RawQuotes ? text[start.._position] : text[(start + 1)..end];
    }

    private string ReadDoubleQuoted()
    {
        var result = new StringBuilder();
        Quote(Next());
        while (!AtEnd)
        {
            char c = Peek;
            if (c == '"')
            {
                Quote(Next());
                return result.ToString();
            }

            if (c == '$')
            {
                result.Append(new Substitution(this).Read());
                if (result.Length > ShellLexer.MaxLength)
                {
                    throw Broken($"the text expands to more than {ShellLexer.MaxLength} characters");
                }

                continue;
            }

            c = Next();
            if (c == lexer.Escape)
            {
                if (lexer.RawEscapes)
                {
                    result.Append(c);
                }

                if (AtEnd)
                {
                    break;
                }

                // Within quotes the escape character is only one before what would mean something.
                if (Peek is '"' or '$' || Peek == lexer.Escape)
                {
                    c = Next();
                }
                else if (lexer.RawEscapes)
                {
                    continue;
                }
            }

            result.Append(c);
        }

        throw Broken("unexpected end of statement while looking for matching double-quote");

        void Quote(char quote)
        {
            if (lexer.RawQuotes)
            {
                result.Append(quote);
            }
        }
    }
}
