using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica rmi</c>.</summary>
internal sealed class RemoveCommand : EngineCommand
{
    private readonly Option<bool> _force;

    public RemoveCommand()
        : base("[OPTIONS] IMAGE [IMAGE...]", "Remove images", ArgumentCount.AtLeast(1)) =>
        _force = Flag("--force", "-f", "Remove all names of the image");

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        foreach (string image in invocation.Arguments)
        {
            RemovalReport report = await engine.Store.RemoveAsync(image, invocation.Value(_force), cancellationToken);
            foreach (RemovalEntry entry in report.Entries)
            {
                invocation.Output.Write(entry switch
                {
                    Untagged untagged => $"Untagged: {untagged.Name}\n",
                    Deleted deleted => $"Deleted: {deleted.Digest}\n",
                    _ => "",
                });
            }
        }

        return ExitCodes.Success;
    }
}
