using System.Collections.Immutable;
using Mica.Linux;

namespace Mica.Runtime;

/// <summary>Runs further programs in a running container.</summary>
internal sealed class ContainerExecution(RuntimeOptions options, OciRuntime runtime, string id, ContainerFiles files)
{
    private static int s_count;

    private readonly string _path = Path.Combine(
        files.Bundle, string.Create(null, $"exec-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}"));

    private bool UsesCgroups => options.Rung == RuntimeRung.Root;

    private string Log => _path + ".log";

    private string PidFile => _path + ".pid";

    /// <summary>With this process's standard streams.</summary>
    public int Run(ContainerProcess process) => Prepared(process, () =>
    {
        using TerminalMode? mode = process.UsesTerminal ? TerminalMode.Save() : null;
        using ChildProcess child = ChildProcess.Start(Command(process) with { SharesTerminal = true, HasNoInput = !process.OpensInput });
        return Check(child.Wait());
    });

    /// <summary>What it writes is handed on; null: it took too long.</summary>
    public int? Run(ContainerProcess process, ContainerOutput output, TimeSpan timeout) => Prepared(process, () =>
    {
        using ChildProcess child = ChildProcess.Start(Command(process));
        bool isLate = false;
        using Timer timer = new(_ =>
        {
            isLate = true;
            if (ContainerFiles.ReadNumber(PidFile) is { } inside)
            {
                Signals.Send(inside, Signals.Kill);
            }

            child.Kill(Signals.Kill);
        }, null, timeout, Timeout.InfiniteTimeSpan);
        child.ReadOutput((isError, bytes) => output(isError, bytes));
        int code = child.Wait();
        return isLate ? (int?)null : Check(code);
    });

    private T Prepared<T>(ContainerProcess process, Func<T> work)
    {
        File.WriteAllBytes(_path, RuntimeConfigContext.Write(ConfigBuilder.Process(process, options)));
        try
        {
            return RuntimeThread.Run(runtime, UsesCgroups, work);
        }
        finally
        {
            File.Delete(_path);
            File.Delete(Log);
            File.Delete(PidFile);
        }
    }

    private ChildCommand Command(ContainerProcess process)
    {
        ImmutableArray<string> words =
        [
            runtime.Path, .. runtime.Arguments(files.RuntimeState, Log, UsesCgroups), "exec", "--pid-file", PidFile,
            .. process.IsDetached ? ["--detach"] : (ReadOnlySpan<string>)[], "--process", _path, id,
        ];
        return new ChildCommand(runtime.Path, words, [$"PATH={string.Join(':', options.ProgramDirectories)}"]);
    }

    private int Check(int code) => code != 0 && OciRuntime.ReadFailure(Log) is { } failure
        ? throw new ContainerFailedException(OciRuntime.ClassifyFailure(failure) ?? 126, failure)
        : code;
}
