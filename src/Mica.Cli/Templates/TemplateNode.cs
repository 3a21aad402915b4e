using System.Collections.Immutable;

namespace Mica.Cli.Templates;

/// <summary>A part of a parsed template. <see cref="Position"/> is its offset in the text, for messages.</summary>
internal abstract record TemplateNode(int Position);

/// <summary>Literal text.</summary>
internal sealed record TextNode(int Position, string Text) : TemplateNode(Position);

/// <summary><c>{{pipeline}}</c>: evaluates, and prints unless it only sets a variable.</summary>
internal sealed record ActionNode(int Position, PipelineNode Pipeline) : TemplateNode(Position);

/// <summary><c>{{if}}</c>, <c>{{with}}</c> or <c>{{range}}</c> with its two branches.</summary>
internal sealed record BranchNode(
    int Position, BranchKind Kind, PipelineNode Pipeline, ImmutableArray<TemplateNode> Then, ImmutableArray<TemplateNode> Else)
    : TemplateNode(Position);

internal enum BranchKind
{
    If,
    With,
    Range,
}

/// <summary><c>{{break}}</c> or <c>{{continue}}</c>.</summary>
internal sealed record JumpNode(int Position, bool IsBreak) : TemplateNode(Position);

/// <summary>
/// What an action or a parenthesis holds: <c>[$a[, $b] :=] command | command</c>. <paramref name="Assigns"/>: the variables
/// exist already (<c>=</c>).
/// </summary>
internal sealed record PipelineNode(
    int Position, ImmutableArray<string> Variables, bool Assigns, ImmutableArray<CommandNode> Commands) : TemplateNode(Position)
{
    public override string ToString()
    {
        string commands = string.Join(" | ", Commands);
        return Variables.Length == 0 ? commands : $"{string.Join(", ", Variables)} {(Assigns ? "=" : ":=")} {commands}";
    }
}

/// <summary>A function with its arguments, or a single operand.</summary>
internal sealed record CommandNode(int Position, ImmutableArray<TemplateNode> Operands) : TemplateNode(Position)
{
    public override string ToString() =>
        string.Join(' ', Operands.Select(operand => operand is PipelineNode ? $"({operand})" : operand.ToString()));
}

/// <summary><c>.A.B</c> on the dot.</summary>
internal sealed record FieldNode(int Position, ImmutableArray<string> Names) : TemplateNode(Position)
{
    public override string ToString() => string.Concat(Names.Select(name => "." + name));
}

/// <summary><c>(pipeline).A.B</c>.</summary>
internal sealed record ChainNode(int Position, TemplateNode Inner, ImmutableArray<string> Names) : TemplateNode(Position)
{
    public override string ToString() =>
        (Inner is PipelineNode ? $"({Inner})" : Inner.ToString()) + string.Concat(Names.Select(name => "." + name));
}

/// <summary><c>$x.A.B</c>.</summary>
internal sealed record VariableNode(int Position, string Name, ImmutableArray<string> Names) : TemplateNode(Position)
{
    public override string ToString() => Name + string.Concat(Names.Select(name => "." + name));
}

/// <summary>A function's name.</summary>
internal sealed record FunctionNode(int Position, string Name) : TemplateNode(Position)
{
    public override string ToString() => Name;
}

/// <summary><c>.</c> alone.</summary>
internal sealed record DotNode(int Position) : TemplateNode(Position)
{
    public override string ToString() => ".";
}

/// <summary>A string, number, boolean or nil, with its spelling.</summary>
internal sealed record LiteralNode(int Position, string Spelling, Value Value) : TemplateNode(Position)
{
    public override string ToString() => Spelling;
}
