using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Engine;
using Mica.Runtime;

namespace Mica.Cli.Commands;

/// <summary><c>mica doctor</c>.</summary>
internal sealed class DoctorCommand() : EngineCommand("", "Say what containers lack on this machine, and the one command that installs it", ArgumentCount.None)
{
    public override string Remarks => "Ends with 1 when containers cannot be run, or something that they need is missing.";

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        HostInspection host = await engine.InspectHostAsync(cancellationToken);
        var table = new TextTable();
        table.Add(host.Rung == RuntimeRung.None ? "bad" : "ok", "containers", host.Rung == RuntimeRung.None ? "cannot be run" : $"are run {host.Reason}");
        foreach (HostProgram program in host.Programs)
        {
            table.Add(
                program.Path is not null ? "ok" : HostInspection.IsNeeded(program) ? "missing" : "absent",
                $"{program.Name} {program.Version}".Trim(),
                program.Purpose + (program.Path is null && !HostInspection.IsNeeded(program) ? program.Need == ProgramNeed.ByUsers ? " (not needed by root)" : " (optional)" : ""));
        }

        invocation.Output.Write(table.ToString());
        foreach (string problem in host.Problems)
        {
            invocation.Output.Write($"\n{problem}\n");
        }

        bool isWell = host.Rung != RuntimeRung.None && !host.Programs.Any(program => program.Path is null && HostInspection.IsNeeded(program));
        invocation.Output.Write(
            host.InstallCommand is { } command ? $"\nTo install what is missing: {command}\n"
            : isWell && host.Problems.IsEmpty ? "\nNothing is missing\n"
            : isWell ? "" : "\nInstall what is missing by your distribution's means\n");
        return isWell ? ExitCodes.Success : ExitCodes.Failure;
    }
}
