using Mica.Cli.Commands;
using Mica.Cli.Completion;

namespace Mica.Cli.CommandLine;

/// <summary>All commands, in the order in which the help lists them.</summary>
internal static class CommandTree
{
    public static CommandEntry Create() => new("mica", null,
        new CommandEntry("copy", () => new CopyCommand()),
        new CommandEntry("history", () => new HistoryCommand()),
        new CommandEntry("images", () => new ImagesCommand()),
        new CommandEntry("inspect", () => new InspectCommand()),
        new CommandEntry("load", () => new LoadCommand()),
        new CommandEntry("pull", () => new PullCommand()),
        new CommandEntry("push", () => new PushCommand()),
        new CommandEntry("rmi", () => new RemoveCommand()),
        new CommandEntry("save", () => new SaveCommand()),
        new CommandEntry("tag", () => new TagCommand()),
        new CommandEntry("system", null,
            new CommandEntry("df", () => new DiskUsageCommand())),
        new CommandEntry("version", () => new VersionCommand()),
        new CommandEntry("completion", null,
            new CommandEntry("bash", () => new CompletionCommand("bash", CompletionScripts.Bash)),
            new CommandEntry("fish", () => new CompletionCommand("fish", CompletionScripts.Fish)),
            new CommandEntry("zsh", () => new CompletionCommand("zsh", CompletionScripts.Zsh)))
        {
            GroupSummary = "Generate the autocompletion script for the specified shell",
        })
    {
        GroupSummary = "Images without a daemon: pull, keep, share, look at, tag and push",
    };
}
