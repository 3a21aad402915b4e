using System.Diagnostics;
using System.Text;

namespace Mica.SystemTests.Lab;

/// <summary>Runs programs and collects what they print. A program that does not end in time is killed and fails the test.</summary>
public static class Shell
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(6);

    /// <summary>Starts a program with nothing on its standard input, both outputs redirected as bytes of UTF-8.</summary>
    public static Process Start(IEnumerable<string> command, IReadOnlyDictionary<string, string?>? environment = null, bool withInput = false)
    {
        string[] words = [.. command];
        ProcessStartInfo start = new(words[0], words[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach ((string name, string? value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        Process process = Process.Start(start)!;
        if (!withInput)
        {
            process.StandardInput.Close();
        }

        return process;
    }

    public static async Task<CommandResult> RunAsync(
        IEnumerable<string> command, IReadOnlyDictionary<string, string?>? environment = null, string? input = null)
    {
        string[] words = [.. command];
        using Process process = Start(words, environment, withInput: true);
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        return await FinishAsync(process, words);
    }

    /// <summary>Waits for a started program and collects its result.</summary>
    public static async Task<CommandResult> FinishAsync(Process process, IEnumerable<string> command)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(Limit);
        Task<string> output = process.StandardOutput.ReadToEndAsync(late.Token);
        Task<string> errors = process.StandardError.ReadToEndAsync(late.Token);
        string line = string.Join(' ', command);
        try
        {
            await process.WaitForExitAsync(late.Token);
            return new CommandResult(line, process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{line}: did not end within {Limit.TotalMinutes:0} minutes");
        }
    }

    /// <summary>Runs a line of shell, which must succeed, and gives its standard output.</summary>
    public static async Task<string> ScriptAsync(string script, params string[] arguments) =>
        (await RunAsync(["bash", "-euo", "pipefail", "-c", script, "bash", .. arguments])).Succeeded().Output;
}
