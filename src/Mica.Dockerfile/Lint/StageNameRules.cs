namespace Mica.Dockerfile;

/// <summary>Rules about the names of stages and the words of FROM.</summary>
internal static class StageNameRules
{
    public static void Check(LintRun run)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (Stage stage in run.Document.Stages)
        {
            if (stage.Name is not { } name)
            {
                continue;
            }

            string[] words = stage.From.Syntax.Arguments.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words[2] != name)
            {
                run.Report(LintRules.StageNameCasing, stage.From, $"Stage name '{words[2]}' should be lowercase");
            }

            string keyword = stage.From.Syntax.Keyword;
            if (words[1] != (Casing.IsLower(keyword) ? "as" : "AS"))
            {
                run.Report(LintRules.FromAsCasing, stage.From, $"'{words[1]}' and '{keyword}' keywords' casing do not match");
            }

            if (name is "scratch" or "context")
            {
                run.Report(LintRules.ReservedStageName, stage.From, $"Stage name should not use the same name as reserved stage \"{name}\"");
            }

            if (!seen.Add(name))
            {
                run.Report(LintRules.DuplicateStageName, stage.From, $"Duplicate stage name \"{name}\", stage names should be unique");
            }
        }
    }
}
