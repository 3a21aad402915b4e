using System.Collections.Immutable;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.RegistryServer;

namespace Mica.Cli.Registries;

/// <summary><c>mica registry scrub</c>.</summary>
internal sealed class RegistryScrubCommand() : RegistryDataCommand(
    "[OPTIONS]", "Read everything that a registry has again, and name what is damaged", ArgumentCount.None)
{
    public override string Remarks =>
        "The registry may serve meanwhile. What is damaged is not served any more, and is mended by the next push of it. Bytes that nothing " +
        "leads to for a day are removed. The exit code is 1 when something is damaged.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
        [("mica registry scrub --data /srv/registry", "after a disk has failed")];

    protected override async Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken)
    {
        ScrubReport report = await data.ScrubAsync(cancellationToken);
        foreach (string damaged in report.Damaged)
        {
            invocation.Output.Write($"{damaged}\n");
        }

        string damage = report.Damaged.IsEmpty ? "all whole" : $"{report.Damaged.Length} damaged";
        invocation.Output.Write(
            $"Read {report.Blobs} blobs ({HumanSize.Short(report.Bytes)}) and {report.Manifests} manifests: {damage}; removed {report.Orphans} orphans\n");
        return report.Damaged.IsEmpty ? ExitCodes.Success : ExitCodes.Failure;
    }
}
