namespace Mica.Dockerfile;

/// <summary>Rules about how instructions are written, whatever they mean.</summary>
internal static class WritingRules
{
    public static void Check(LintRun run)
    {
        foreach (Instruction instruction in run.Document.GlobalArguments)
        {
            CheckOne(run, instruction);
        }

        foreach (Stage stage in run.Document.Stages.Where(run.Includes))
        {
            CheckOne(run, stage.From);
            foreach (Instruction instruction in stage.Instructions)
            {
                CheckOne(run, instruction);
            }
        }

        CheckCasing(run);
    }

    private static void CheckOne(LintRun run, Instruction instruction)
    {
        if (instruction.Syntax.Line.HasEmptyContinuation)
        {
            run.Report(LintRules.NoEmptyContinuation, instruction, "Empty continuation line");
        }

        switch (instruction)
        {
            case MaintainerInstruction:
                run.Report(LintRules.MaintainerDeprecated, instruction, "Maintainer instruction is deprecated in favor of using label");
                break;
            case EnvInstruction { IsLegacyForm: true } or LabelInstruction { IsLegacyForm: true }:
                string name = instruction.Name;
                run.Report(LintRules.LegacyKeyValueFormat, instruction, $"\"{name} key=value\" should be used instead of legacy \"{name} key value\" format");
                break;
        }
    }

    /// <summary>The majority of the keywords decides; upper case when there is none.</summary>
    private static void CheckCasing(LintRun run)
    {
        List<InstructionSyntax> all = [];
        foreach (Stage stage in run.Document.Stages)
        {
            all.Add(stage.From.Syntax);
            all.AddRange(stage.Instructions.Select(instruction => instruction.Syntax));
        }

        int lower = all.Count(syntax => Casing.IsLower(syntax.Keyword));
        int upper = all.Count(syntax => Casing.IsUpper(syntax.Keyword));
        bool wantLower = lower > upper;
        foreach (InstructionSyntax syntax in all)
        {
            if (!(wantLower ? Casing.IsLower(syntax.Keyword) : Casing.IsUpper(syntax.Keyword)))
            {
                string wanted = wantLower ? "lowercase" : "uppercase";
                run.Report(
                    LintRules.ConsistentInstructionCasing, syntax, $"Command '{syntax.Keyword}' should match the case of the command majority ({wanted})");
            }
        }
    }
}
