using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Engine;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Cli.Commands;

/// <summary><c>mica info</c>.</summary>
internal sealed class InfoCommand : EngineCommand
{
    private readonly Option<string?> _format;

    public InfoCommand()
        : base("[OPTIONS]", "Display what mica found on this machine, and what it has stored", ArgumentCount.None)
    {
        _format = Text("--format", "-f", "string", "Format output: 'json', or a Go template");
    }

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        HostInspection host = await engine.InspectHostAsync(cancellationToken);
        ImmutableArray<Container> containers = await engine.Containers.ListAsync(cancellationToken);
        int images = (await engine.Store.ListAsync(cancellationToken)).Length;
        int Count(Func<ContainerStatus, bool> selects) => containers.Count(container => selects(container.State.Status));
        (string Name, string Title, object Fact)[] facts =
        [
            ("ServerVersion", "Version", BuildStamp.Version),
            ("DockerRootDir", "Root Dir", invocation.Root),
            ("Containers", "Containers", containers.Length),
            ("ContainersRunning", " Running", Count(status => status == ContainerStatus.Running)),
            ("ContainersPaused", " Paused", Count(status => status == ContainerStatus.Paused)),
            ("ContainersStopped", " Stopped", Count(status => status is not (ContainerStatus.Running or ContainerStatus.Paused))),
            ("Images", "Images", images),
            ("Driver", "Storage Driver", "overlay"),
            ("ContainersRun", "Containers run", host.Rung == RuntimeRung.None ? $"not at all: {host.Reason}" : host.Reason),
            ("CgroupVersion", "Cgroup Version", HostKernel.CgroupVersion),
            ("SecurityOptions", "Security Options", string.Join(' ', HostKernel.SecurityModules)),
            ("KernelVersion", "Kernel Version", HostKernel.Version),
            ("OperatingSystem", "Operating System", Printable.Of(RuntimeInformation.OSDescription)),
            ("OSType", "OSType", Platform.Current.Os),
            ("Architecture", "Architecture", Platform.Current.Architecture),
            ("NCPU", "CPUs", Environment.ProcessorCount),
            ("MemTotal", "Total Memory", HostKernel.Memory),
            ("Name", "Name", Environment.MachineName),
        ];
        if (invocation.Value(_format) is { Length: > 0 } format)
        {
            var row = new RowValue("info",
            [
                .. facts.Select(fact => new KeyValuePair<string, Value>(fact.Name, fact.Fact is string text ? Value.Of(text) : Value.Of(Convert.ToInt64(fact.Fact, CultureInfo.InvariantCulture)))),
                new("Programs", new ListValue([.. host.Programs.Where(program => program.Path is not null).Select(Row)])),
                new("Warnings", Value.Of(host.Problems)),
            ]);
            invocation.Output.Write((format == "json" ? JsonText.Of(row) : Template.Parse(Listing.Unescape(format)).Apply(row)) + "\n");
            return ExitCodes.Success;
        }

        foreach ((string name, string title, object fact) in facts)
        {
            invocation.Output.Write(string.Create(CultureInfo.InvariantCulture, $" {title}: {(name == "MemTotal" ? HumanSize.Binary(HostKernel.Memory) : fact)}\n"));
        }

        invocation.Output.Write(" Programs:\n");
        foreach (HostProgram program in host.Programs)
        {
            invocation.Output.Write(string.Create(
                CultureInfo.InvariantCulture, $"  {program.Name}: {(program.Path is null ? "not found" : $"{program.Version} ({program.Path})".Trim())}\n"));
        }

        foreach (string problem in host.Problems)
        {
            invocation.Output.Write($"WARNING: {problem}\n");
        }

        return ExitCodes.Success;
    }

    private static RowValue Row(HostProgram program) => new("program",
    [
        new("Name", Value.Of(program.Name)), new("Version", Value.Of(program.Version)), new("Path", Value.Of(program.Path)),
    ]);
}
