using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>What a stage's instructions so far have set.</summary>
/// <param name="Scope">The variables that the next instruction sees.</param>
/// <param name="IsKnown">Whether these are all: the base image is known.</param>
/// <param name="HasWorkdir">Whether there was a WORKDIR, in this stage or one it is based on.</param>
/// <param name="HasShell">Whether there was a SHELL.</param>
internal sealed record StageState(VariableScope Scope, bool IsKnown, bool HasWorkdir, bool HasShell);

/// <summary>Goes through the stages with the variables that each instruction sees, for the rules that depend on what came before.</summary>
internal sealed class StageWalk(LintRun run, VariableScope global)
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private readonly InstructionRules _rules = new(run);
    private readonly InstructionExpander _expander = new(run.Document.Directives.EscapeCharacter);
    private readonly StageState[] _ends = new StageState[run.Document.Stages.Length];

    public void Check()
    {
        foreach (ArgInstruction argument in run.Document.GlobalArguments)
        {
            foreach (ArgumentDeclaration one in argument.Arguments)
            {
                _rules.CheckSecret(argument, one.Name);
            }
        }

        foreach (Stage stage in run.Document.Stages)
        {
            StageState state = Begin(stage);
            Dictionary<string, Instruction> once = new(StringComparer.Ordinal);
            foreach (Instruction instruction in stage.Instructions)
            {
                state = Step(stage, state, instruction, once);
            }

            _ends[stage.Index] = state with { Scope = state.Scope.WithoutArguments() };
        }
    }

    private StageState Begin(Stage stage)
    {
        string name = stage.From.BaseName;
        try
        {
            name = ((FromInstruction)_expander.Expand(stage.From, global).Instruction).BaseName;
        }
        catch (MicaException)
        {
            // Told by the build.
        }

        if (run.Document.FindStage(name, stage.Index, byNumber: false) is { } parent)
        {
            return _ends[parent.Index];
        }

        VariableScope scope = VariableScope.Empty;
        if (name == "scratch")
        {
            return new StageState(scope.WithEnvironment("PATH", DefaultPath), IsKnown: true, HasWorkdir: false, HasShell: false);
        }

        if (!run.Input.BaseImages.TryGetValue(stage.Index, out BaseImage? image))
        {
            return new StageState(scope, IsKnown: false, HasWorkdir: false, HasShell: false);
        }

        foreach (string variable in image.Config.Config?.Env ?? [])
        {
            int equals = variable.IndexOf('=', StringComparison.Ordinal);
            scope = equals > 0 ? scope.WithEnvironment(variable[..equals], variable[(equals + 1)..]) : scope;
        }

        return new StageState(scope, IsKnown: true, HasWorkdir: false, image.Config.Config?.Shell is { IsDefaultOrEmpty: false });
    }

    private StageState Step(Stage stage, StageState state, Instruction written, Dictionary<string, Instruction> once)
    {
        ExpandedInstruction expanded;
        try
        {
            expanded = _expander.Expand(written, state.Scope);
        }
        catch (MicaException)
        {
            return state;
        }

        bool reports = run.Includes(stage);
        Instruction instruction = expanded.Instruction;
        if (reports)
        {
            CheckVariables(state, written, expanded.Undefined);
            _rules.Check(state, instruction, once);
        }

        switch (instruction)
        {
            case ArgInstruction argument:
                foreach (ArgumentDeclaration one in argument.Arguments)
                {
                    state = state with { Scope = run.Input.Arguments.Declare(state.Scope, one, global) };
                }

                return state;
            case EnvInstruction environment:
                foreach (NamedValue variable in environment.Variables)
                {
                    state = state with { Scope = state.Scope.WithEnvironment(variable.Name, variable.Value) };
                }

                return state;
            case WorkdirInstruction:
                return state with { HasWorkdir = true };
            case ShellInstruction:
                return state with { HasShell = true };
            default:
                return state;
        }
    }

    private void CheckVariables(StageState state, Instruction instruction, ImmutableHashSet<string> undefined)
    {
        if (!state.IsKnown)
        {
            return;
        }

        IEnumerable<string> names = instruction is RunInstruction run1 ? UndefinedInMounts(run1, state.Scope) : undefined;
        foreach (string name in names.Order(StringComparer.Ordinal))
        {
            if (!state.Scope.IsDeclared(name) && !PredefinedArguments.IsReadByScanners(name))
            {
                string meant = Suggestion.Find(name, state.Scope.Names.Concat(global.Names)) is { } found ? $" (did you mean ${found}?)" : "";
                run.Report(LintRules.UndefinedVar, instruction, $"Usage of undefined variable '${name}'{meant}");
            }
        }
    }

    private ImmutableHashSet<string> UndefinedInMounts(RunInstruction instruction, VariableScope scope)
    {
        var lexer = new ShellLexer(run.Document.Directives.EscapeCharacter);
        var use = new VariableUse();
        foreach (MountFlag mount in instruction.Options.Mounts)
        {
            try
            {
                mount.Resolve(text => lexer.Expand(text, scope, use).Text);
            }
            catch (MicaException)
            {
                // Told by the build.
            }
        }

        return use.Undefined;
    }
}
