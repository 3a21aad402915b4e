using System.Collections.Immutable;
using System.Text;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>Builds an expansion both ways at once: whole, and split into words at blanks that are not quoted.</summary>
internal sealed class WordBuilder
{
    private readonly StringBuilder _text = new();
    private readonly StringBuilder _word = new();
    private readonly ImmutableArray<string>.Builder _words = ImmutableArray.CreateBuilder<string>();
    private bool _inWord;

    /// <summary>A blank ends the word.</summary>
    public void Add(char c)
    {
        _text.Append(c);
        if (char.IsWhiteSpace(c))
        {
            EndWord();
        }
        else
        {
            _word.Append(c);
            _inWord = true;
        }
    }

    /// <summary>A value of a variable: its blanks split.</summary>
    public void AddSplitting(string text)
    {
        Check(text.Length);
        foreach (char c in text)
        {
            Add(c);
        }
    }

    /// <summary>What was quoted or escaped: its blanks do not split, and empty text makes a word too.</summary>
    public void AddWhole(ReadOnlySpan<char> text)
    {
        Check(text.Length);
        _text.Append(text);
        _word.Append(text);
        _inWord = true;
    }

    public (string Text, ImmutableArray<string> Words) Build()
    {
        EndWord();
        return (_text.ToString(), _words.ToImmutable());
    }

    private void EndWord()
    {
        if (_inWord)
        {
            _words.Add(_word.ToString());
            _word.Clear();
            _inWord = false;
        }
    }

    private void Check(int more)
    {
        if (_text.Length + more > ShellLexer.MaxLength)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"the text expands to more than {ShellLexer.MaxLength} characters");
        }
    }
}
