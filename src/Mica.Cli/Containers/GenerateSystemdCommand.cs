using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>mica generate systemd</c>.</summary>
internal sealed class GenerateSystemdCommand : EngineCommand
{
    private const int DefaultTimeout = 10;

    private readonly Option<bool> _files;
    private readonly Option<bool> _name;
    private readonly Option<string?> _time;

    public GenerateSystemdCommand()
        : base("[OPTIONS] CONTAINER [CONTAINER...]", "Print systemd units that start containers when the machine does", ArgumentCount.AtLeast(1))
    {
        _files = Flag("--files", "-f", "Write each unit to a file in the working directory, and print its name");
        _name = Flag("--name", "-n", "Call the containers by their names instead of their IDs");
        _time = Text("--time", "-t", "seconds", "Seconds for the container to stop before it is killed (default: the container's own, or 10)");
    }

    public override string Remarks =>
        "The unit only starts and stops the container. What happens when it ends is its own restart policy (mica update --restart).";

    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica generate systemd --files --name web && mv container-web.service /etc/systemd/system", "as root"),
        ("mica generate systemd -f -n web && mv container-web.service ~/.config/systemd/user && loginctl enable-linger", "as an ordinary user"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        long? time = LimitFlags.Number(invocation.Value(_time), "--time");
        foreach (string argument in invocation.Arguments)
        {
            Container container = await engine.Containers.GetAsync(argument, cancellationToken);
            string called = invocation.Value(_name) ? container.Name : container.Id;
            string text = Unit(invocation, container, called, time ?? container.Definition.StopTimeout ?? DefaultTimeout);
            if (invocation.Value(_files))
            {
                string path = Path.GetFullPath($"container-{called}.service");
                await File.WriteAllTextAsync(path, text, cancellationToken);
                invocation.Output.Write(path + "\n");
            }
            else
            {
                invocation.Output.Write(text);
            }
        }

        return ExitCodes.Success;
    }

    /// <summary>systemd.service(5). The monitor is not the unit's main process, since a restart makes another one.</summary>
    private static string Unit(Invocation invocation, Container container, string called, long time)
    {
        string program = invocation.Host.Program ?? "mica";
        string command = $"{Quoted(program)} --root {Quoted(invocation.Root)}";
        return $"""
            # container-{called}.service
            # made by mica generate systemd

            [Unit]
            Description=mica container {container.Name}
            Wants=network-online.target
            After=network-online.target
            RequiresMountsFor={Quoted(invocation.Root)}

            [Service]
            Type=oneshot
            RemainAfterExit=yes
            KillMode=process
            TimeoutStopSec={time + 60}
            ExecStart={command} start {called}
            ExecStop={command} stop --time {time} {called}

            [Install]
            WantedBy={(invocation.Host.IsSuperuser ? "multi-user.target" : "default.target")}

            """;
    }

    /// <summary>A word of a unit file: <c>%</c> and <c>$</c> mean something there, and blanks end words.</summary>
    private static string Quoted(string word)
    {
        string text = Printable.Of(word).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("%", "%%", StringComparison.Ordinal).Replace("$", "$$", StringComparison.Ordinal);
        return text.Contains(' ', StringComparison.Ordinal) || text != word ? $"\"{text}\"" : text;
    }
}
