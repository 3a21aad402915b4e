using System.Globalization;
using System.Text;
using Mica.Cli.CommandLine;
using Mica.Dockerfile;

namespace Mica.Cli.Building;

/// <summary>What the build checks found, as docker prints it.</summary>
internal static class CheckedText
{
    /// <summary>The output of <c>--check</c>. Returns the exit code: a warning is a failure.</summary>
    public static int Write(TextWriter output, CheckReport report, bool json)
    {
        int count = report.Result.Warnings.Length;
        if (json)
        {
            output.Write(report.ToJson());
        }
        else if (count == 0)
        {
            output.Write("Check complete, no warnings found.\n");
        }
        else
        {
            string found = count == 1 ? "1 warning has been found" : string.Create(CultureInfo.InvariantCulture, $"{count} warnings have been found");
            output.Write($"Check complete, {found}!\n{report.ToText()}");
        }

        return count == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    /// <summary>What is printed after a build; empty when there is nothing to tell.</summary>
    public static string AfterBuild(CheckReport report, GlobalOptions globals)
    {
        int count = report.Result.Warnings.Length;
        if (count == 0 || globals.Progress is ProgressMode.Quiet or ProgressMode.Json)
        {
            return "";
        }

        string found = count == 1 ? "1 warning found" : string.Create(CultureInfo.InvariantCulture, $"{count} warnings found");
        if (globals.Debug)
        {
            return $"\n {found}:\n{report.ToText()}";
        }

        var text = new StringBuilder($"\n {found} (use --debug to expand):\n");
        foreach (LintWarning warning in report.Result.Warnings)
        {
            text.Append(" - ").Append(warning).Append('\n');
        }

        return text.ToString();
    }
}
