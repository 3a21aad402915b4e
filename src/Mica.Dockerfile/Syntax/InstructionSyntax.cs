using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>A flag before an instruction's arguments.</summary>
/// <param name="Name">Without the dashes.</param>
/// <param name="Value">Unquoted; null when there is no <c>=</c>.</param>
/// <param name="Offset">Where it begins in the instruction's text.</param>
/// <param name="Length">Of the flag as written.</param>
public sealed record FlagSyntax(string Name, string? Value, int Offset, int Length);

/// <summary>One instruction as it is written: keyword, flags, arguments, here-documents, and where all that stands.</summary>
public sealed record InstructionSyntax
{
    /// <summary>The text it comes from, without continuations.</summary>
    public required LogicalLine Line { get; init; }

    /// <summary>As written, in any case.</summary>
    public required string Keyword { get; init; }

    /// <summary>Where it begins in the text of <see cref="Line"/>.</summary>
    public required int KeywordOffset { get; init; }

    /// <summary>In the order of the file.</summary>
    public required ImmutableArray<FlagSyntax> Flags { get; init; }

    /// <summary>What follows the flags, without blanks around it.</summary>
    public required string Arguments { get; init; }

    /// <summary>Where <see cref="Arguments"/> begin in the text of <see cref="Line"/>.</summary>
    public required int ArgumentsOffset { get; init; }

    /// <summary>In the order of their words.</summary>
    public required ImmutableArray<Heredoc> Heredocs { get; init; }

    /// <summary>The comment lines right above, without <c>#</c> and blanks around them.</summary>
    public required ImmutableArray<string> Comments { get; init; }

    /// <summary>From the first line to the last, here-documents included.</summary>
    public required LineRange Lines { get; init; }

    /// <summary>The keyword's upper-case form.</summary>
    public string Name => Keyword.ToUpperInvariant();

    /// <summary>The instruction on one line, as written but for continuations.</summary>
    public override string ToString() => Line.Text.Trim();
}

/// <summary>A file as instructions, not yet understood.</summary>
public sealed record DockerfileSyntax(SourceText Source, ParserDirectives Directives, ImmutableArray<InstructionSyntax> Instructions);
