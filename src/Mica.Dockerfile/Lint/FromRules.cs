using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>Rules about what FROM names.</summary>
internal static class FromRules
{
    public static void Check(LintRun run, VariableScope global)
    {
        var none = new BuildArguments(ImmutableDictionary<string, string>.Empty, run.Input.Target, run.Input.Target);
        VariableScope defaults = none.GlobalScope(run.Document);
        var expander = new InstructionExpander(run.Document.Directives.EscapeCharacter);
        foreach (Stage stage in run.Document.Stages.Where(run.Includes))
        {
            CheckArguments(run, stage, global, expander);
            CheckDefaults(run, stage, defaults, expander);
            CheckPlatform(run, stage, global, expander);
        }
    }

    private static void CheckArguments(LintRun run, Stage stage, VariableScope global, InstructionExpander expander)
    {
        if (Expand(expander, stage.From, global) is not { } expanded)
        {
            return;
        }

        foreach (string name in expanded.Undefined.Order(StringComparer.Ordinal).Where(name => !global.IsDeclared(name)))
        {
            run.Report(LintRules.UndefinedArgInFrom, stage.From, $"FROM argument '{name}' is not declared{Suggestion.For(name, global.Names)}");
        }
    }

    private static void CheckDefaults(LintRun run, Stage stage, VariableScope defaults, InstructionExpander expander)
    {
        if (Expand(expander, stage.From, defaults) is not { Instruction: FromInstruction { BaseName: var name } } expanded
            || !expanded.Undefined.Any(defaults.IsDeclared)
            || run.Document.FindStage(name, stage.Index, byNumber: false) is not null
            || (name.Length > 0 && ImageReference.TryParse(name, out _)))
        {
            return;
        }

        run.Report(
            LintRules.InvalidDefaultArgInFrom, stage.From, $"Default value for ARG {stage.From.BaseName} results in empty or invalid base image name");
    }

    private static void CheckPlatform(LintRun run, Stage stage, VariableScope global, InstructionExpander expander)
    {
        string? written = stage.From.Platform;
        if (written is "$TARGETPLATFORM" or "${TARGETPLATFORM}")
        {
            run.Report(
                LintRules.RedundantTargetPlatform, stage.From,
                $"Setting platform to predefined {written} in FROM is redundant as this is the default behavior");
        }
        else if (written is not null && !written.Contains('$', StringComparison.Ordinal) && !NameTellsPlatform(stage, written))
        {
            run.Report(LintRules.FromPlatformFlagConstDisallowed, stage.From, $"FROM --platform flag should not use constant value \"{written}\"");
        }

        string? platform = Expand(expander, stage.From, global)?.Instruction is FromInstruction expanded ? expanded.Platform : null;
        if (run.Input.BaseImages.TryGetValue(stage.Index, out BaseImage? image)
            && image.Config is { Os: { Length: > 0 } os, Architecture: { Length: > 0 } architecture })
        {
            Platform wanted = (Platform.TryParse(platform, out Platform? parsed) ? parsed : run.Input.Target).Normalize();
            Platform actual = new Platform { Os = os, Architecture = architecture, Variant = image.Config.Variant }.Normalize();
            if (wanted.Os != actual.Os || wanted.Architecture != actual.Architecture || wanted.Variant != actual.Variant)
            {
                run.Report(
                    LintRules.InvalidBaseImagePlatform, stage.From,
                    $"Base image {image.Reference} was pulled with platform \"{actual}\", expected \"{wanted}\" for current build");
            }
        }
    }

    /// <summary>A stage that is called for a platform is meant for it alone.</summary>
    private static bool NameTellsPlatform(Stage stage, string platform) => stage.Name is { } name && Platform.TryParse(platform, out Platform? parsed)
        && (name.Contains(parsed.Os, StringComparison.Ordinal) || name.Contains(parsed.Architecture, StringComparison.Ordinal));

    /// <summary>Null when the text is broken, which is for the build to tell.</summary>
    private static ExpandedInstruction? Expand(InstructionExpander expander, FromInstruction instruction, VariableScope scope)
    {
        try
        {
            return expander.Expand(instruction, scope);
        }
        catch (MicaException)
        {
            return null;
        }
    }
}
