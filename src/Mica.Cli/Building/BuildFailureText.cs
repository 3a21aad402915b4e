using System.Text;
using Mica.Build;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Cli.Building;

/// <summary>Why a build failed, with the lines of the Dockerfile and the last ones of the step's output.</summary>
internal static class BuildFailureText
{
    private const string Rule = "------\n";
    public const string Solve = "failed to solve: ";

    public static string Of(MicaException failure)
    {
        var text = new StringBuilder();
        switch (failure)
        {
            case StepFailedException step:
                AppendOutput(text, step.StepName, step.Output);
                text.Append(step.Excerpt);
                break;
            case DockerfileException dockerfile:
                text.Append(dockerfile.Excerpt);
                break;
        }

        if (text.Length > 0 && text[^1] != '\n')
        {
            text.Append('\n');
        }

        string prefix = failure.Message.StartsWith(Solve, StringComparison.Ordinal) ? "" : Solve;
        return text.Append("mica: ").Append(prefix).Append(failure.Message).Append('\n').ToString();
    }

    private static void AppendOutput(StringBuilder text, string stepName, string output)
    {
        text.Append(Rule).Append(" > ").Append(OutputLines.Clean(stepName)).Append(":\n");
        foreach (string line in output.Length == 0 ? [] : output.TrimEnd('\n').Split('\n'))
        {
            text.Append(OutputLines.Clean(line)).Append('\n');
        }

        text.Append(Rule);
    }
}
