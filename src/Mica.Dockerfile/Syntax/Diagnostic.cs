using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>Something wrong with a Dockerfile.</summary>
/// <param name="Message">One line, in BuildKit's words where it has some; safe to print.</param>
/// <param name="Lines">The instruction's lines.</param>
/// <param name="Span">What exactly is meant, when that can be told.</param>
public sealed record Diagnostic(string Message, LineRange Lines, SourceSpan? Span = null)
{
    /// <summary>The message with its line, as <c>docker build</c> writes it.</summary>
    public override string ToString() => $"dockerfile parse error on line {Lines.Start}: {Message}";
}

/// <summary>A Dockerfile that cannot be built, with everything that is wrong with it.</summary>
public sealed class DockerfileException(ImmutableArray<Diagnostic> diagnostics, string? excerpt)
    : MicaException(ErrorKind.InvalidArgument, diagnostics[0].ToString() + (diagnostics.Length > 1 ? $" (and {diagnostics.Length - 1} more)" : ""))
{
    /// <summary>In the order of the file; at least one.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; } = diagnostics;

    /// <summary>The lines that are meant, with a caret under the word; several lines of text. Null when there are none.</summary>
    public string? Excerpt { get; } = excerpt;
}

/// <summary>Collects problems while a file is read; a hostile file cannot make it long.</summary>
internal sealed class DiagnosticList
{
    private const int MaxCount = 100;

    private readonly List<Diagnostic> _items = [];

    public int Count => _items.Count;

    /// <summary>Whether nothing more is kept, so that reading on is of no use.</summary>
    public bool IsFull => _items.Count == MaxCount;

    public void Add(string message, LineRange lines, SourceSpan? span = null)
    {
        if (!IsFull)
        {
            _items.Add(new Diagnostic(Safe(message), lines, span));
        }
    }

    public ImmutableArray<Diagnostic> ToImmutable() => [.. _items.OrderBy(item => item.Lines.Start)];

    /// <summary>Only the parts that the file brought can be long or hold control characters, but they are everywhere.</summary>
    private static string Safe(string message) => Printable.Of(message);
}
