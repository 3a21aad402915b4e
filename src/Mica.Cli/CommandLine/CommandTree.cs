using Mica.Cli.Commands;
using Mica.Cli.Completion;
using Mica.Cli.Containers;
using Mica.Cli.Registries;

namespace Mica.Cli.CommandLine;

/// <summary>All commands, in the order in which the help lists them. Those of <c>image</c> have their short forms beside it.</summary>
internal static class CommandTree
{
    public static CommandEntry Create() => new("mica", null,
        new CommandEntry("run", () => new RunCommand()) { Twin = "container run" },
        new CommandEntry("exec", () => new ExecCommand()) { Twin = "container exec" },
        new CommandEntry("ps", () => new PsCommand()) { Twin = "container ls" },
        new CommandEntry("create", () => new CreateCommand()) { Twin = "container create" },
        new CommandEntry("start", () => new StartCommand()) { Twin = "container start" },
        new CommandEntry("stop", () => new StopCommand()) { Twin = "container stop" },
        new CommandEntry("restart", () => new RestartCommand()) { Twin = "container restart" },
        new CommandEntry("kill", () => new KillCommand()) { Twin = "container kill" },
        new CommandEntry("rm", () => new ContainerRemoveCommand()) { Twin = "container rm" },
        new CommandEntry("pause", () => new PauseCommand()) { Twin = "container pause" },
        new CommandEntry("unpause", () => new UnpauseCommand()) { Twin = "container unpause" },
        new CommandEntry("wait", () => new WaitCommand()) { Twin = "container wait" },
        new CommandEntry("rename", () => new RenameCommand()) { Twin = "container rename" },
        new CommandEntry("logs", () => new LogsCommand()) { Twin = "container logs" },
        new CommandEntry("attach", () => new AttachCommand()) { Twin = "container attach" },
        new CommandEntry("cp", () => new CopyFilesCommand()) { Twin = "container cp" },
        new CommandEntry("diff", () => new DiffCommand()) { Twin = "container diff" },
        new CommandEntry("commit", () => new CommitCommand()) { Twin = "container commit" },
        new CommandEntry("export", () => new ExportCommand()) { Twin = "container export" },
        new CommandEntry("import", () => new ImportCommand()) { Twin = "image import" },
        new CommandEntry("update", () => new UpdateCommand()) { Twin = "container update" },
        new CommandEntry("top", () => new TopCommand()) { Twin = "container top" },
        new CommandEntry("stats", () => new StatsCommand()) { Twin = "container stats" },
        new CommandEntry("port", () => new PortCommand()) { Twin = "container port" },
        new CommandEntry("events", () => new EventsCommand()) { Twin = "system events" },
        new CommandEntry("pull", Pull) { Twin = "image pull" },
        new CommandEntry("push", Push) { Twin = "image push" },
        new CommandEntry("build", Build) { Twin = "image build" },
        new CommandEntry("images", Images) { Twin = "image ls" },
        new CommandEntry("history", History) { Twin = "image history" },
        new CommandEntry("inspect", () => new InspectCommand(InspectedKind.Any)),
        new CommandEntry("tag", Tag, TagCommands()) { Twin = "image tag" },
        new CommandEntry("rmi", Remove) { Twin = "image rm" },
        new CommandEntry("save", Save) { Twin = "image save" },
        new CommandEntry("load", Load) { Twin = "image load" },
        new CommandEntry("copy", () => new CopyCommand()),
        new CommandEntry("lock", () => new LockCommand()),
        new CommandEntry("info", () => new InfoCommand()) { Twin = "system info" },
        new CommandEntry("doctor", () => new DoctorCommand()),
        new CommandEntry("login", () => new LoginCommand()),
        new CommandEntry("logout", () => new LogoutCommand()),
        new CommandEntry("version", () => new VersionCommand()),
        new CommandEntry("builder", null,
            new CommandEntry("build", Build) { Twin = "build" },
            new CommandEntry("du", () => new BuilderUsageCommand()),
            new CommandEntry("prune", () => new BuilderPruneCommand()))
        {
            Aliases = ["buildx"],
            GroupSummary = "Manage builds",
        },
        ContainerGroup(),
        ImageGroup(),
        new CommandEntry("network", null,
            new CommandEntry("connect", () => new NetworkConnectCommand()),
            new CommandEntry("create", () => new NetworkCreateCommand()),
            new CommandEntry("disconnect", () => new NetworkDisconnectCommand()),
            new CommandEntry("inspect", () => new InspectCommand(InspectedKind.Network)),
            new CommandEntry("ls", () => new NetworkListCommand()) { Aliases = ["list"] },
            new CommandEntry("prune", () => new NetworkPruneCommand()),
            new CommandEntry("rm", () => new NetworkRemoveCommand()) { Aliases = ["remove"] })
        {
            GroupSummary = "Manage networks",
        },
        new CommandEntry("volume", null,
            new CommandEntry("create", () => new VolumeCreateCommand()),
            new CommandEntry("inspect", () => new InspectCommand(InspectedKind.Volume)),
            new CommandEntry("ls", () => new VolumeListCommand()) { Aliases = ["list"] },
            new CommandEntry("prune", () => new VolumePruneCommand()),
            new CommandEntry("rm", () => new VolumeRemoveCommand()) { Aliases = ["remove"] })
        {
            GroupSummary = "Manage volumes",
        },
        new CommandEntry("manifest", null,
            new CommandEntry("annotate", () => new ManifestAnnotateCommand()),
            new CommandEntry("create", () => new ManifestCreateCommand()),
            new CommandEntry("inspect", () => new ManifestInspectCommand()),
            new CommandEntry("push", () => new ManifestPushCommand()))
        {
            GroupSummary = "Manage image manifests and manifest lists",
        },
        new CommandEntry("registry", null,
            new CommandEntry("config", null,
                new CommandEntry("check", () => new RegistryConfigCheckCommand()),
                new CommandEntry("schema", () => new RegistryConfigSchemaCommand()))
            {
                GroupSummary = "Check a registry's configuration",
            },
            new CommandEntry("events", null,
                new CommandEntry("ls", () => new RegistryEventsCommand()) { Aliases = ["list"] },
                new CommandEntry("replay", () => new RegistryReplayCommand()))
            {
                GroupSummary = "List what happened in a registry, and send it again",
            },
            new CommandEntry("gc", () => new RegistryCollectCommand()),
            new CommandEntry("retention", () => new RegistryRetentionCommand()),
            new CommandEntry("robot", null,
                new CommandEntry("create", () => new RegistryRobotCreateCommand()),
                new CommandEntry("ls", () => new RegistryRobotListCommand()) { Aliases = ["list"] },
                new CommandEntry("rm", () => new RegistryRobotRemoveCommand()) { Aliases = ["remove"] })
            {
                GroupSummary = "Let programs into a registry",
            },
            new CommandEntry("scrub", () => new RegistryScrubCommand()),
            new CommandEntry("serve", () => new RegistryServeCommand()),
            new CommandEntry("tag", null,
                new CommandEntry("log", () => new RegistryTagLogCommand()),
                new CommandEntry("undo", () => new RegistryTagUndoCommand()))
            {
                GroupSummary = "Look at the moves of tags, and take them back",
            },
            new CommandEntry("user", null,
                new CommandEntry("add", () => new RegistryUserAddCommand()),
                new CommandEntry("rm", () => new RegistryUserRemoveCommand()) { Aliases = ["remove"] })
            {
                GroupSummary = "Look after a file of users",
            })
        {
            GroupSummary = "Serve and look after a registry",
        },
        new CommandEntry("store", null,
            new CommandEntry("check", () => new StoreCheckCommand()))
        {
            GroupSummary = "Look after the store",
        },
        new CommandEntry("system", null,
            new CommandEntry("df", () => new DiskUsageCommand()),
            new CommandEntry("events", () => new EventsCommand()) { Twin = "events" },
            new CommandEntry("info", () => new InfoCommand()) { Twin = "info" },
            new CommandEntry("prune", () => new PruneCommand(isSystem: true)))
        {
            GroupSummary = "Manage mica",
        },
        new CommandEntry("generate", null,
            new CommandEntry("systemd", () => new GenerateSystemdCommand()))
        {
            GroupSummary = "Generate files for other programs",
        },
        new CommandEntry("completion", null,
            new CommandEntry("bash", () => new CompletionCommand("bash", CompletionScripts.Bash)),
            new CommandEntry("fish", () => new CompletionCommand("fish", CompletionScripts.Fish)),
            new CommandEntry("zsh", () => new CompletionCommand("zsh", CompletionScripts.Zsh)))
        {
            GroupSummary = "Generate the autocompletion script for the specified shell",
        })
    {
        GroupSummary = "Images and containers without a daemon: build, run, pull, keep, share and push",
    };

    private static CommandEntry ContainerGroup() => new("container", null,
        new CommandEntry("attach", () => new AttachCommand()) { Twin = "attach" },
        new CommandEntry("cleanup", () => new CleanUpCommand()) { IsHidden = true },
        new CommandEntry("commit", () => new CommitCommand()) { Twin = "commit" },
        new CommandEntry("cp", () => new CopyFilesCommand()) { Twin = "cp" },
        new CommandEntry("create", () => new CreateCommand()) { Twin = "create" },
        new CommandEntry("diff", () => new DiffCommand()) { Twin = "diff" },
        new CommandEntry("exec", () => new ExecCommand()) { Twin = "exec" },
        new CommandEntry("export", () => new ExportCommand()) { Twin = "export" },
        new CommandEntry("inspect", () => new InspectCommand(InspectedKind.Container)),
        new CommandEntry("kill", () => new KillCommand()) { Twin = "kill" },
        new CommandEntry("logs", () => new LogsCommand()) { Twin = "logs" },
        new CommandEntry("ls", () => new PsCommand()) { Aliases = ["list", "ps"], Twin = "ps" },
        new CommandEntry("pause", () => new PauseCommand()) { Twin = "pause" },
        new CommandEntry("port", () => new PortCommand()) { Twin = "port" },
        new CommandEntry("prune", () => new ContainerPruneCommand()),
        new CommandEntry("rename", () => new RenameCommand()) { Twin = "rename" },
        new CommandEntry("restart", () => new RestartCommand()) { Twin = "restart" },
        new CommandEntry("rm", () => new ContainerRemoveCommand()) { Aliases = ["remove"], Twin = "rm" },
        new CommandEntry("run", () => new RunCommand()) { Twin = "run" },
        new CommandEntry("start", () => new StartCommand()) { Twin = "start" },
        new CommandEntry("stats", () => new StatsCommand()) { Twin = "stats" },
        new CommandEntry("stop", () => new StopCommand()) { Twin = "stop" },
        new CommandEntry("top", () => new TopCommand()) { Twin = "top" },
        new CommandEntry("unpause", () => new UnpauseCommand()) { Twin = "unpause" },
        new CommandEntry("update", () => new UpdateCommand()) { Twin = "update" },
        new CommandEntry("wait", () => new WaitCommand()) { Twin = "wait" },
        new CommandEntry("watch", () => new WatchHealthCommand()) { IsHidden = true })
    {
        GroupSummary = "Manage containers",
    };

    private static CommandEntry ImageGroup() => new("image", null,
        new CommandEntry("build", Build) { Twin = "build" },
        new CommandEntry("history", History) { Twin = "history" },
        new CommandEntry("import", () => new ImportCommand()) { Twin = "import" },
        new CommandEntry("inspect", () => new InspectCommand(InspectedKind.Image)),
        new CommandEntry("load", Load) { Twin = "load" },
        new CommandEntry("ls", Images) { Aliases = ["list"], Twin = "images" },
        new CommandEntry("prune", () => new PruneCommand(isSystem: false)),
        new CommandEntry("pull", Pull) { Twin = "pull" },
        new CommandEntry("push", Push) { Twin = "push" },
        new CommandEntry("rm", Remove) { Aliases = ["remove"], Twin = "rmi" },
        new CommandEntry("save", Save) { Twin = "save" },
        new CommandEntry("tag", Tag, TagCommands()) { Twin = "tag" })
    {
        GroupSummary = "Manage images",
    };

    /// <summary>A first word "log" or "undo" is one of these, and no image.</summary>
    private static CommandEntry[] TagCommands() =>
    [
        new CommandEntry("log", () => new TagLogCommand()),
        new CommandEntry("undo", () => new TagUndoCommand()),
    ];

    private static BuildCommand Build() => new();

    private static HistoryCommand History() => new();

    private static ImagesCommand Images() => new();

    private static LoadCommand Load() => new();

    private static PullCommand Pull() => new();

    private static PushCommand Push() => new();

    private static RemoveCommand Remove() => new();

    private static SaveCommand Save() => new();

    private static TagCommand Tag() => new();
}
