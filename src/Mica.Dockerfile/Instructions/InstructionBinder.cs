using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>Syntax to instructions: which keyword means what.</summary>
internal static class InstructionBinder
{
    public static ImmutableArray<string> Keywords { get; } =
    [
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "RUN",
        "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ];

    /// <summary>Null when the instruction is wrong; what is wrong with it is in <paramref name="problems"/>.</summary>
    public static Instruction? Bind(InstructionSyntax syntax, char escape, DiagnosticList problems)
    {
        var context = new BindingContext(syntax, escape, problems);
        int before = problems.Count;
        Instruction? instruction = context.Name switch
        {
            "FROM" => StageBinder.BindFrom(context),
            "ARG" => StageBinder.BindArg(context),
            "ENV" => MetadataBinder.BindEnv(context),
            "LABEL" => MetadataBinder.BindLabel(context),
            "MAINTAINER" => MetadataBinder.BindMaintainer(context),
            "EXPOSE" => MetadataBinder.BindExpose(context),
            "VOLUME" => MetadataBinder.BindVolume(context),
            "USER" => MetadataBinder.BindUser(context),
            "WORKDIR" => MetadataBinder.BindWorkdir(context),
            "STOPSIGNAL" => MetadataBinder.BindStopSignal(context),
            "SHELL" => CommandBinder.BindShell(context),
            "CMD" => CommandBinder.BindCmd(context),
            "ENTRYPOINT" => CommandBinder.BindEntrypoint(context),
            "HEALTHCHECK" => HealthcheckBinder.Bind(context),
            "RUN" => RunBinder.Bind(context),
            "COPY" => TransferBinder.BindCopy(context),
            "ADD" => TransferBinder.BindAdd(context),
            "ONBUILD" => BindOnBuild(context),
            _ => context.Fail($"unknown instruction: {syntax.Keyword}{Suggestion.For(context.Name, Keywords)}"),
        };
        return problems.Count == before ? instruction : null;
    }

    private static Instruction? BindOnBuild(BindingContext context)
    {
        context.CheckFlags([]);
        InstructionSyntax outer = context.Syntax;
        if (outer.Arguments.Length == 0)
        {
            return context.Fail("ONBUILD requires at least one argument");
        }

        string text = outer.Line.Text;
        int start = outer.ArgumentsOffset;
        int end = start;
        while (end < text.Length && !char.IsWhiteSpace(text[end]))
        {
            end++;
        }

        var word = new ArgumentWord(text[start..end], 0);
        switch (word.Text.ToUpperInvariant())
        {
            case "ONBUILD":
                return context.FailAt("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", word);
            case "MAINTAINER" or "FROM":
                return context.FailAt($"{word.Text.ToUpperInvariant()} isn't allowed as an ONBUILD trigger", word);
        }

        int position = end;
        ImmutableArray<FlagSyntax> flags = FlagReader.Read(text, ref position);
        InstructionSyntax inner = outer with
        {
            Keyword = word.Text,
            KeywordOffset = start,
            Flags = flags,
            Arguments = text[position..].TrimEnd(),
            ArgumentsOffset = position,
        };
        return Bind(inner, context.Escape, context.Problems) is { } instruction ? new OnBuildInstruction(outer, Trigger(outer), instruction) : null;
    }

    /// <summary>What the config keeps; here-documents go with it, as their content would be lost otherwise.</summary>
    private static string Trigger(InstructionSyntax syntax) =>
        syntax.Arguments + string.Concat(syntax.Heredocs.Select(heredoc => "\n" + heredoc.Content + heredoc.Name));
}
