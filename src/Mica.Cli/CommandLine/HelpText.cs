using System.Text;

namespace Mica.Cli.CommandLine;

/// <summary>The help of commands and groups, laid out as docker's.</summary>
internal static class HelpText
{
    private const int MaxDescription = 54;

    public static string OfCommand(string path, CommandEntry entry, CliCommand command)
    {
        var text = new StringBuilder();
        text.Append("Usage:  ").Append($"{path} {command.Usage}".TrimEnd()).Append("\n\n");
        text.Append(command.Summary).Append('\n');
        if (command.Remarks is { } remarks)
        {
            text.Append('\n').Append(remarks).Append('\n');
        }

        if (entry.Twin is { } twin)
        {
            text.Append("\nAliases:\n  ").Append(string.Join(", ", new[] { "mica " + twin, path }.Distinct())).Append('\n');
        }

        AppendChildren(text, "Commands", [.. entry.Children.Where(child => !child.IsHidden)]);
        AppendOptions(text, "Options", command.Options);
        if (!command.Examples.IsEmpty)
        {
            text.Append("\nExamples:\n");
            foreach ((string commandLine, string explanation) in command.Examples)
            {
                text.Append("  ").Append(commandLine.PadRight(command.Examples.Max(example => example.CommandLine.Length)));
                text.Append("   # ").Append(explanation).Append('\n');
            }
        }

        return text.Append("\nRun 'mica --help' for the global options.\n").ToString();
    }

    public static string OfGroup(string path, CommandEntry entry, bool isRoot)
    {
        var text = new StringBuilder();
        text.Append("Usage:  ").Append(path).Append(isRoot ? " [OPTIONS]" : "").Append(" COMMAND\n\n").Append(entry.GroupSummary).Append('\n');
        CommandEntry[] shown = [.. entry.Children.Where(child => !child.IsHidden)];
        if (isRoot)
        {
            AppendChildren(text, "Commands", [.. shown.Where(child => child.Create is not null)]);
            AppendChildren(text, "Management Commands", [.. shown.Where(child => child.Create is null)]);
            AppendOptions(text, "Global Options", new GlobalOptionSet().Options);
        }
        else
        {
            AppendChildren(text, "Commands", shown);
        }

        return text.Append("\nRun '").Append(path).Append(" COMMAND --help' for more information on a command.\n").ToString();
    }

    private static void AppendChildren(StringBuilder text, string title, CommandEntry[] children)
    {
        if (children.Length == 0)
        {
            return;
        }

        text.Append('\n').Append(title).Append(":\n");
        int width = Math.Max(9, children.Max(child => child.Name.Length));
        foreach (CommandEntry child in children)
        {
            text.Append("  ").Append(child.Name.PadRight(width)).Append("   ").Append(child.Summary).Append('\n');
        }
    }

    private static void AppendOptions(StringBuilder text, string title, IReadOnlyList<CliOption> options)
    {
        if (options.Count == 0)
        {
            return;
        }

        text.Append('\n').Append(title).Append(":\n");
        CliOption[] sorted = [.. options.OrderBy(option => option.Name, StringComparer.Ordinal)];
        string[] names = [.. sorted.Select(option =>
            $"  {(option.Shorthand is null ? "    " : option.Shorthand + ", ")}{option.Name}{(option.IsFlag ? "" : " " + option.ValueName)}")];
        int width = names.Max(name => name.Length) + 3;
        for (int i = 0; i < sorted.Length; i++)
        {
            string description = sorted[i].Description + (sorted[i].Initially ? " (default true)" : "");
            string indent = "\n" + new string(' ', width);
            text.Append(names[i].PadRight(width)).AppendJoin(indent, Wrap(description)).Append('\n');
        }
    }

    private static IEnumerable<string> Wrap(string description)
    {
        foreach (string paragraph in description.Split('\n'))
        {
            string line = "";
            foreach (string word in paragraph.Split(' '))
            {
                if (line.Length > 0 && line.Length + 1 + word.Length > MaxDescription)
                {
                    yield return line;
                    line = word;
                }
                else
                {
                    line += (line.Length > 0 ? " " : "") + word;
                }
            }

            yield return line;
        }
    }
}
