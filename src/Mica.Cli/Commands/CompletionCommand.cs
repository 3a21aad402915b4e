using Mica.Cli.CommandLine;

namespace Mica.Cli.Commands;

/// <summary><c>mica completion bash|zsh|fish</c>.</summary>
internal sealed class CompletionCommand(string shell, string script)
    : CliCommand("", $"Generate the autocompletion script for {shell}", ArgumentCount.None)
{
    public override System.Collections.Immutable.ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        shell == "fish"
            ? ("mica completion fish | source", "completion in this shell")
            : ($"source <(mica completion {shell})", "completion in this shell"),
    ];

    public override Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        invocation.Output.Write(script);
        return Task.FromResult(ExitCodes.Success);
    }
}
