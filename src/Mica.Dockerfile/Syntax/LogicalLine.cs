using System.Collections.Immutable;
using System.Text;

namespace Mica.Dockerfile;

/// <summary>
/// An instruction's lines put together: continuations joined, comments and empty lines within them left out. Knows where every
/// piece of the joined text stands in the file.
/// </summary>
public sealed class LogicalLine
{
    private readonly ImmutableArray<Piece> _pieces;

    private LogicalLine(string text, LineRange lines, ImmutableArray<Piece> pieces, bool hasEmptyContinuation)
    {
        Text = text;
        Lines = lines;
        _pieces = pieces;
        HasEmptyContinuation = hasEmptyContinuation;
    }

    /// <summary>The joined text.</summary>
    public string Text { get; }

    /// <summary>First to last line of it; here-documents come after that.</summary>
    public LineRange Lines { get; }

    /// <summary>Whether there is an empty line within a continuation, which a later version of the language will refuse.</summary>
    public bool HasEmptyContinuation { get; }

    /// <summary>Where <paramref name="length"/> characters at <paramref name="offset"/> of <see cref="Text"/> stand; cut at the line's end.</summary>
    public SourceSpan Locate(int offset, int length)
    {
        Piece piece = _pieces[0];
        foreach (Piece candidate in _pieces)
        {
            if (candidate.Offset > offset)
            {
                break;
            }

            piece = candidate;
        }

        int within = Math.Min(offset - piece.Offset, piece.Length);
        return new SourceSpan(piece.Line, piece.Column + within, Math.Max(1, Math.Min(length, piece.Length - within)));
    }

    private readonly record struct Piece(int Offset, int Line, int Column, int Length);

    /// <summary>Collects the pieces.</summary>
    internal sealed class Builder
    {
        private readonly StringBuilder _text = new();
        private readonly ImmutableArray<Piece>.Builder _pieces = ImmutableArray.CreateBuilder<Piece>();

        public bool HasEmptyContinuation { get; set; }

        public void Add(ReadOnlySpan<char> text, int line, int column)
        {
            _pieces.Add(new Piece(_text.Length, line, column, text.Length));
            _text.Append(text);
        }

        public LogicalLine Build(LineRange lines) => new(_text.ToString(), lines, _pieces.ToImmutable(), HasEmptyContinuation);
    }
}
