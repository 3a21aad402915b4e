using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>Groups instructions into global arguments and stages.</summary>
internal sealed class StageBuilder
{
    private readonly ImmutableArray<ArgInstruction>.Builder _arguments = ImmutableArray.CreateBuilder<ArgInstruction>();
    private readonly ImmutableArray<Stage>.Builder _stages = ImmutableArray.CreateBuilder<Stage>();
    private readonly ImmutableArray<Instruction>.Builder _instructions = ImmutableArray.CreateBuilder<Instruction>();
    private readonly DiagnosticList _problems;
    private FromInstruction? _from;
    private bool _fromFailed;

    public StageBuilder(DockerfileSyntax syntax, DiagnosticList problems)
    {
        _problems = problems;
        foreach (InstructionSyntax written in syntax.Instructions.TakeWhile(_ => !problems.IsFull))
        {
            Add(written, InstructionBinder.Bind(written, syntax.Directives.EscapeCharacter, problems));
        }

        EndStage();
        if (_stages.Count == 0 && problems.Count == 0)
        {
            problems.Add("file has no FROM instruction", new LineRange(1, Math.Max(1, syntax.Source.Lines.Length)));
        }

        Arguments = _arguments.ToImmutable();
        Stages = _stages.ToImmutable();
    }

    public ImmutableArray<ArgInstruction> Arguments { get; }

    public ImmutableArray<Stage> Stages { get; }

    private void Add(InstructionSyntax written, Instruction? instruction)
    {
        switch (instruction)
        {
            case FromInstruction next:
                EndStage();
                _from = next;
                break;
            case ArgInstruction argument when _from is null:
                _arguments.Add(argument);
                break;
            case not null when _from is null && !_fromFailed:
                _problems.Add("no build stage in current context", written.Lines);
                break;
            case not null:
                _instructions.Add(instruction);
                break;
            default:
                // What follows a FROM that is wrong, or may be meant as one, is not also outside of any stage.
                _fromFailed |= _from is null && (written.Name == "FROM" || !InstructionBinder.Keywords.Contains(written.Name));
                break;
        }
    }

    private void EndStage()
    {
        if (_from is not null)
        {
            _stages.Add(new Stage(_stages.Count, _from, _instructions.ToImmutable()));
        }

        _instructions.Clear();
    }
}
