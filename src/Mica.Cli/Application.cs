using Mica.Build;
using Mica.Cli.Building;
using Mica.Cli.CommandLine;
using Mica.Cli.Completion;
using Mica.Cli.Hosting;
using Mica.Dockerfile;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Cli;

/// <summary>Runs one command line, and is the only place where errors become messages and exit codes.</summary>
internal static class Application
{
    /// <summary>errno of a write to a pipe that nobody reads.</summary>
    private const int BrokenPipe = 32;

    public static async Task<int> RunAsync(string[] words, CliHost host)
    {
        bool debug = words.Contains("--debug");
        int? failureCode = null;
        try
        {
            int code = await DispatchAsync(words, host, command => failureCode = command.FailureCode);
            await host.Output.FlushAsync();
            return code;
        }
        catch (Exception error)
        {
            return Report(error, host, debug, failureCode);
        }
    }

    private static async Task<int> DispatchAsync(string[] words, CliHost host, Action<CliCommand> found)
    {
        CommandEntry root = CommandTree.Create();
        if (words is ["__complete", .. var unfinished])
        {
            return await CompletionAnswer.WriteAsync(root, unfinished, host);
        }

        ParsedCommandLine line = CommandLineParser.Parse(root, words, found);
        if (line.WantsHelp)
        {
            host.Output.Write(line.Command is null
                ? HelpText.OfGroup(line.Path, line.Entry, isRoot: line.Entry == root)
                : HelpText.OfCommand(line.Path, line.Entry, line.Command));
            return ExitCodes.Success;
        }

        if (line.Globals.Version || line.Command is not { } command)
        {
            host.Output.Write($"mica version {BuildStamp.Version}, build {BuildStamp.ShortCommit}\n");
            return ExitCodes.Success;
        }

        var invocation = new Invocation(host, line);
        if (command.UserNamespace != UserNamespaceUse.None && !host.IsSuperuser)
        {
            host.EnterUserNamespace?.Invoke(command.UserNamespace, invocation.Root, host.Environment.StateDirectory(host.IsSuperuser));
        }

        if (!command.StopsInGoodOrder)
        {
            return await command.RunAsync(invocation, CancellationToken.None);
        }

        using var interruption = new Interruption();
        try
        {
            return await command.RunAsync(invocation, interruption.Token);
        }
        catch (MicaException failure) when (interruption.Token.IsCancellationRequested)
        {
            // Whatever failed then, failed because it was told to stop.
            throw new OperationCanceledException("interrupted", failure, interruption.Token);
        }
    }

    private static int Report(Exception error, CliHost host, bool debug, int? failureCode)
    {
        int code = error is ContainerFailedException failed ? failed.ExitCode
            : error is MicaException or UsageException && failureCode is { } wanted ? wanted : CodeOf(error);
        if (code == ExitCodes.BrokenPipe)
        {
            return code;
        }

        try
        {
            host.Output.Flush();
            host.Error.Write(MessageOf(error, debug));
        }
        catch (IOException)
        {
            // Nobody listens; the exit code remains.
        }

        return code;
    }

    private static int CodeOf(Exception error) => error switch
    {
        DockerfileException => ExitCodes.Failure,
        MicaException known => ExitCodes.Of(known.Kind),
        OperationCanceledException => ExitCodes.Cancelled,
        IOException { HResult: BrokenPipe } => ExitCodes.BrokenPipe,
        _ => ExitCodes.Bug,
    };

    private static string MessageOf(Exception error, bool debug)
    {
        string message = error switch
        {
            UsageException usage => $"{usage.Message}\nSee '{usage.Command} --help'.\n{(usage.Hint is null ? "" : $"\n{usage.Hint}\n")}",
            DockerfileException or StepFailedException => BuildFailureText.Of((MicaException)error),
            MicaException => $"mica: {error.Message}\n",
            OperationCanceledException => "mica: interrupted\n",
            _ => $"mica: this is a bug: {error.GetType().Name}: {Printable.Of(error.Message)}\n{(debug ? "" : "run the command with --debug and report what it prints\n")}",
        };
        return debug && error is not UsageException ? $"{message}{error}\n" : message;
    }
}
