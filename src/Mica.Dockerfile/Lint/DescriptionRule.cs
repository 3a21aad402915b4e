using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>The comment right above a FROM or ARG describes what it defines, or is not right above it.</summary>
internal static class DescriptionRule
{
    public static void Check(LintRun run)
    {
        foreach (ArgInstruction argument in run.Document.GlobalArguments)
        {
            CheckOne(run, argument, [.. argument.Arguments.Select(one => one.Name)]);
        }

        foreach (Stage stage in run.Document.Stages.Where(run.Includes))
        {
            CheckOne(run, stage.From, stage.Name is { } name ? [name] : []);
            foreach (ArgInstruction argument in stage.Instructions.OfType<ArgInstruction>())
            {
                CheckOne(run, argument, [.. argument.Arguments.Select(one => one.Name)]);
            }
        }
    }

    private static void CheckOne(LintRun run, Instruction instruction, ImmutableArray<string> names)
    {
        ImmutableArray<string> comments = instruction.Syntax.Comments;
        if (names.IsEmpty || comments.IsEmpty || IsDirective(run, instruction, comments[^1]))
        {
            return;
        }

        string first = comments[^1].Split(' ')[0];
        if (!names.Contains(first))
        {
            string example = names.Length == 1 ? names[0] : "<arg_key>";
            run.Report(
                LintRules.InvalidDefinitionDescription, instruction, $"Comment for {instruction.Name} should follow the format: `# {example} <description>`");
        }
    }

    private static bool IsDirective(LintRun run, Instruction instruction, string comment)
    {
        ParserDirectives directives = run.Document.Directives;
        int above = instruction.Lines.Start - 1;
        return LintOptions.CheckOf(comment) is not null || directives.Syntax?.Line == above || directives.Escape?.Line == above;
    }
}
