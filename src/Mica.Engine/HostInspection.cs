using System.Collections.Immutable;
using System.Globalization;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>What this machine offers to containers, and what it lacks.</summary>
/// <param name="Rung">How containers are run by this user; none: not at all.</param>
/// <param name="Reason">One sentence about it.</param>
/// <param name="Programs">The programs that containers need or could use.</param>
/// <param name="Problems">What keeps containers from something, and the way out, one sentence each.</param>
public sealed record HostInspection(
    RuntimeRung Rung, string Reason, ImmutableArray<HostProgram> Programs, ImmutableArray<string> Problems)
{
    /// <summary>The one command that installs what is missing and needed by this user; null: nothing is, or nobody knows how.</summary>
    public string? InstallCommand { get; init; }

    /// <summary>Whether a program that this user needs is missing.</summary>
    public static bool IsNeeded(HostProgram program) =>
        program.Need == ProgramNeed.Always || (program.Need == ProgramNeed.ByUsers && !RuntimeProbe.IsSuperuser);

    internal static HostInspection Run(ImageStore store, EngineOptions options)
    {
        RuntimeOptions runtime = RuntimeAccess.Locate(store, options);
        RuntimeSupport support = new RuntimeProbe(runtime).Probe();
        ImmutableArray<HostProgram> programs = HostPrograms.Find(runtime);
        List<string> problems = [];
        if (support.Rung == RuntimeRung.None)
        {
            problems.Add(support.Reason);
        }
        else if (support.Rung == RuntimeRung.SingleId && programs.Any(program => program is { Name: "newuidmap", Path: not null }))
        {
            string user = LinuxUser.EffectiveUserId == 0 ? Environment.UserName : LinuxUser.EffectiveUserId.ToString(CultureInfo.InvariantCulture);
            problems.Add($"all files of this user's containers belong to one owner, since there are no subordinate ids: as root, usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}");
        }

        if (support.Rung is not RuntimeRung.None && BridgeConnection.FindObstacle(runtime with { Rung = support.Rung }) is { } obstacle
            && programs.All(program => program.Path is not null || !obstacle.StartsWith(program.Name + " ", StringComparison.Ordinal)))
        {
            problems.Add(obstacle);
        }

        string[] missing = [.. programs.Where(program => program.Path is null && IsNeeded(program)).Select(program => program.Package)];
        return new HostInspection(support.Rung, support.Reason, programs, [.. problems.Select(problem => Printable.Of(problem))])
        {
            InstallCommand = missing.Length > 0 ? HostPrograms.InstallCommand(runtime, missing) : null,
        };
    }
}
