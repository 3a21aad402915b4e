using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica version</c>.</summary>
internal sealed class VersionCommand : CliCommand
{
    private readonly Option<string?> _format;

    public VersionCommand()
        : base("[OPTIONS]", "Show the mica version information", ArgumentCount.None)
    {
        _format = Text("--format", "-f", "string", "Format output: 'json', or a Go template over the fields Version, GitCommit, Os and Arch");
    }

    public override Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var platform = Platform.Current;
        switch (invocation.Value(_format))
        {
            case null or "":
                invocation.Output.Write(
                    $" Version:    {BuildStamp.Version}\n Git commit: {BuildStamp.ShortCommit}\n OS/Arch:    {platform}\n");
                break;
            case "json":
                invocation.Output.Write(JsonText.Of(Row(platform)) + "\n");
                break;
            case string template:
                invocation.Output.Write(Template.Parse(Listing.Unescape(template)).Apply(Row(platform)) + "\n");
                break;
        }

        return Task.FromResult(ExitCodes.Success);
    }

    private static RowValue Row(Platform platform) => new("version",
    [
        new("Version", Value.Of(BuildStamp.Version)),
        new("GitCommit", Value.Of(BuildStamp.Commit)),
        new("Os", Value.Of(platform.Os)),
        new("Arch", Value.Of(platform.Architecture)),
    ]);
}
