namespace Mica.Cli.Templates;

internal enum TokenKind
{
    Text,
    Open,
    Close,
    Space,
    Field,
    Variable,
    Word,
    Dot,
    Quoted,
    Number,
    Character,
    Pipe,
    Declare,
    Assign,
    Comma,
    LeftParenthesis,
    RightParenthesis,
    End,
}

/// <summary>A token with its spelling and its offset in the template.</summary>
internal readonly record struct Token(TokenKind Kind, int Position, string Text);

/// <summary>Cuts a template into tokens: literal text, and within <c>{{ }}</c> the words of Go's template language.</summary>
internal sealed class TemplateLexer(string text)
{
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _parentheses;

    /// <exception cref="TemplateException">A character or literal that has no place in an action.</exception>
    public List<Token> Lex()
    {
        bool trimNext = false;
        while (true)
        {
            int open = text.IndexOf("{{", _at, StringComparison.Ordinal);
            string literal = open < 0 ? text[_at..] : text[_at..open];
            bool trimLeft = open >= 0 && IsTrimMarker(open + 2);
            AddText(trimNext ? literal.TrimStart(s_space) : literal, trimLeft);
            if (open < 0)
            {
                _tokens.Add(new Token(TokenKind.End, text.Length, ""));
                return _tokens;
            }

            _at = open + 2 + (trimLeft ? 2 : 0);
            trimNext = text.AsSpan(_at).StartsWith("/*", StringComparison.Ordinal) ? SkipComment() : LexAction(open);
        }
    }

    private static readonly char[] s_space = [' ', '\t', '\r', '\n'];

    private static bool IsSpace(char c) => c is ' ' or '\t' or '\r' or '\n';

    private static bool IsWordCharacter(char c) => c == '_' || char.IsLetterOrDigit(c);

    /// <summary><c>-</c> trims only with a space inside it: <c>{{-3}}</c> is a number.</summary>
    private bool IsTrimMarker(int at) => at + 1 < text.Length && text[at] == '-' && IsSpace(text[at + 1]);

    private void AddText(string literal, bool trimmed)
    {
        string kept = trimmed ? literal.TrimEnd(s_space) : literal;
        if (kept.Length > 0)
        {
            _tokens.Add(new Token(TokenKind.Text, _at, kept));
        }
    }

    /// <summary>True when the closing delimiter trims what follows.</summary>
    private bool SkipComment()
    {
        int end = text.IndexOf("*/", _at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Error(_at, "unclosed comment");
        }

        int start = _at;
        _at = end + 2;
        bool trims = text.AsSpan(_at) is [' ' or '\t' or '\r' or '\n', '-', '}', '}', ..];
        if (!trims && !text.AsSpan(_at).StartsWith("}}", StringComparison.Ordinal))
        {
            throw Error(start, "comment ends before closing delimiter");
        }

        _at += trims ? 4 : 2;
        return trims;
    }

    private bool LexAction(int open)
    {
        _tokens.Add(new Token(TokenKind.Open, open, "{{"));
        _parentheses = 0;
        while (true)
        {
            ReadOnlySpan<char> rest = text.AsSpan(_at);
            bool trims = rest is [' ' or '\t' or '\r' or '\n', '-', '}', '}', ..];
            if (trims || rest.StartsWith("}}", StringComparison.Ordinal))
            {
                if (_parentheses > 0)
                {
                    throw Error(_at, "unclosed left paren");
                }

                Add(TokenKind.Close, trims ? 4 : 2);
                return trims;
            }

            if (rest.IsEmpty)
            {
                throw Error(_at, "unclosed action");
            }

            LexInside(rest);
        }
    }

    private void LexInside(ReadOnlySpan<char> rest)
    {
        char c = rest[0];
        if (IsSpace(c))
        {
            int length = 1;
            while (length < rest.Length && IsSpace(rest[length]) && rest[length..] is not [_, '-', '}', '}', ..])
            {
                length++;
            }

            Add(TokenKind.Space, length);
            return;
        }

        switch (c)
        {
            case '|':
                Add(TokenKind.Pipe, 1);
                break;
            case ',':
                Add(TokenKind.Comma, 1);
                break;
            case '=':
                Add(TokenKind.Assign, 1);
                break;
            case ':' when rest is [_, '=', ..]:
                Add(TokenKind.Declare, 2);
                break;
            case ':':
                throw Error(_at, "expected :=");
            case '(':
                _parentheses++;
                Add(TokenKind.LeftParenthesis, 1);
                break;
            case ')':
                if (--_parentheses < 0)
                {
                    throw Error(_at, "unexpected right paren");
                }

                Add(TokenKind.RightParenthesis, 1);
                break;
            case '"' or '`' or '\'':
                LexQuoted(rest, c);
                break;
            case '.' when rest is not [_, >= '0' and <= '9', ..]:
                LexName(rest, rest is [_, var next, ..] && IsWordCharacter(next) ? TokenKind.Field : TokenKind.Dot);
                break;
            case '$':
                LexName(rest, TokenKind.Variable);
                break;
            case '+' or '-' or '.' or (>= '0' and <= '9'):
                LexNumber(rest);
                break;
            default:
                if (!IsWordCharacter(c))
                {
                    throw Error(_at, $"{(c < ' ' ? "unexpected bad character" : "bad character")} U+{(int)c:X4}{(c < ' ' ? "" : $" '{c}'")}");
                }

                LexName(rest, TokenKind.Word);
                break;
        }
    }

    private void LexName(ReadOnlySpan<char> rest, TokenKind kind)
    {
        int length = 1;
        while (kind != TokenKind.Dot && length < rest.Length && IsWordCharacter(rest[length]))
        {
            length++;
        }

        // A name ends where something else may stand, so that .A"x" is a mistake and not two operands.
        if (length < rest.Length && !IsSpace(rest[length]) && rest[length] is not ('.' or ',' or '|' or ':' or '=' or '(' or ')')
            && !rest[length..].StartsWith("}}", StringComparison.Ordinal))
        {
            char bad = rest[length];
            throw Error(_at, $"bad character U+{(int)bad:X4} '{bad}'");
        }

        Add(kind, length);
    }

    private void LexNumber(ReadOnlySpan<char> rest)
    {
        int length = 1;
        while (length < rest.Length && (IsWordCharacter(rest[length]) || rest[length] == '.'
            || (rest[length] is '+' or '-' && rest[length - 1] is 'e' or 'E' && !rest.StartsWith("0x", StringComparison.Ordinal))))
        {
            length++;
        }

        Add(TokenKind.Number, length);
    }

    private void LexQuoted(ReadOnlySpan<char> rest, char quote)
    {
        string what = quote switch { '"' => "quoted string", '`' => "raw quoted string", _ => "character constant" };
        for (int i = 1; i < rest.Length; i++)
        {
            if (rest[i] == quote)
            {
                Add(quote == '\'' ? TokenKind.Character : TokenKind.Quoted, i + 1);
                return;
            }

            if (quote != '`' && rest[i] == '\n')
            {
                break;
            }

            if (quote != '`' && rest[i] == '\\')
            {
                i++;
            }
        }

        throw Error(_at, $"unterminated {what}");
    }

    private void Add(TokenKind kind, int length)
    {
        _tokens.Add(new Token(kind, _at, text.Substring(_at, length)));
        _at += length;
    }

    private TemplateException Error(int at, string message) => TemplateException.Parsing(text, at, message);
}
