using Mica.Build;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>
/// Numbers the steps of several builds that run at once, and those of the engine itself, in the order in which they begin.
/// </summary>
internal sealed class BuildSteps(IProgress<BuildEvent> progress, TimeProvider time)
{
    private readonly Lock _gate = new();
    private int _count;

    /// <summary>The progress of one build; with several platforms each step says for which it is.</summary>
    public IProgress<BuildEvent> Of(Platform? platform) => new Renumbering(this, platform);

    /// <summary>Runs a step of the engine's own.</summary>
    public async Task<T> RunAsync<T>(string name, Func<IProgress<ProgressEvent>, Action<string>, Task<T>> run)
    {
        int number;
        lock (_gate)
        {
            number = ++_count;
            progress.Report(new StepStarted(number, name));
        }

        long start = time.GetTimestamp();
        try
        {
            T result = await run(new Transfers(this, number), text => Report(new StepNotice(number, text)));
            Report(new StepCompleted(number, time.GetElapsedTime(start)));
            return result;
        }
        catch (Exception failure) when (failure is MicaException or OperationCanceledException)
        {
            Report(new StepFailed(number, failure.Message, failure is OperationCanceledException));
            throw;
        }
    }

    private void Forward(BuildEvent happened) => progress.Report(happened);

    private void Report(BuildEvent happened)
    {
        lock (_gate)
        {
            progress.Report(happened);
        }
    }

    private sealed class Renumbering(BuildSteps steps, Platform? platform) : IProgress<BuildEvent>
    {
        private readonly Dictionary<int, int> _numbers = [];

        public void Report(BuildEvent value)
        {
            lock (steps._gate)
            {
                BuildEvent changed = value switch
                {
                    StepStarted started => new StepStarted(Number(started.Step), Named(started.Name)),
                    StepCached cached => new StepCached(Number(cached.Step)),
                    StepExplained explained => explained with { Step = Number(explained.Step) },
                    StepOutput output => output with { Step = Number(output.Step) },
                    StepNotice notice => notice with { Step = Number(notice.Step) },
                    StepProgress transfer => transfer with { Step = Number(transfer.Step) },
                    StepCompleted completed => completed with { Step = Number(completed.Step) },
                    StepFailed failed => failed with { Step = Number(failed.Step) },
                    _ => value,
                };
                steps.Forward(changed);
            }
        }

        private int Number(int own) => _numbers.TryGetValue(own, out int number) ? number : _numbers[own] = ++steps._count;

        private string Named(string name) => platform is not null && name.StartsWith('[') ? $"[{platform} {name[1..]}" : name;
    }

    private sealed class Transfers(BuildSteps steps, int number) : IProgress<ProgressEvent>
    {
        public void Report(ProgressEvent value) => steps.Report(new StepProgress(number, value));
    }
}
