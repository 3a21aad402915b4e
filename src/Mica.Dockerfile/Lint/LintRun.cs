using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>Collects warnings that the options let through.</summary>
internal sealed class LintRun(DockerfileDocument document, LintInput input, LintOptions options)
{
    private const int MaxWarnings = 1000;

    private readonly List<LintWarning> _warnings = [];
    private readonly List<LintWarning> _failing = [];

    public DockerfileDocument Document => document;

    public LintInput Input => input;

    public void Report(LintRule rule, Instruction instruction, string detail) => Report(rule, instruction.Syntax, detail);

    public void Report(LintRule rule, InstructionSyntax syntax, string detail)
    {
        LintOptions merged = options.With(syntax.Comments);
        if (!merged.Allows(rule) || _warnings.Count >= MaxWarnings)
        {
            return;
        }

        var warning = new LintWarning(rule, Printable.Of(detail), syntax.Lines);
        if (_warnings.Contains(warning))
        {
            return;
        }

        _warnings.Add(warning);
        if (merged.Error)
        {
            _failing.Add(warning);
        }
    }

    public bool Includes(Stage stage) => input.Stages?.Contains(stage.Index) ?? true;

    public LintResult Result() => new(Sorted(_warnings), Sorted(_failing));

    private static ImmutableArray<LintWarning> Sorted(List<LintWarning> warnings) => [.. warnings.OrderBy(warning => warning.Lines.Start)];
}
