using Mica.Oci;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer;

/// <summary>What is done now and then while the registry serves. A failure is logged, and tried again the next time.</summary>
internal sealed partial class BackgroundWork(TimeProvider time, ILogger<BackgroundWork> log) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<(string Name, TimeSpan Interval, Func<CancellationToken, Task> Run, bool IsLast)> _jobs = [];
    private Task _running = Task.CompletedTask;

    /// <summary>Adds a job before the start.</summary>
    /// <param name="name">For the log.</param>
    /// <param name="interval">Between the end of one run and the next.</param>
    /// <param name="run">The job.</param>
    /// <param name="isLast">It is run once more when the registry ends.</param>
    public void Add(string name, TimeSpan interval, Func<CancellationToken, Task> run, bool isLast = false) => _jobs.Add((name, interval, run, isLast));

    public void Start() => _running = Task.WhenAll(_jobs.Select(job => Task.Run(() => RepeatAsync(job.Name, job.Interval, job.Run))));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        foreach ((string name, _, Func<CancellationToken, Task> run, bool isLast) in _jobs)
        {
            if (isLast)
            {
                await TryAsync(name, run, CancellationToken.None);
            }
        }

        _stopping.Dispose();
    }

    private async Task RepeatAsync(string name, TimeSpan interval, Func<CancellationToken, Task> run)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(interval, time, _stopping.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await TryAsync(name, run, _stopping.Token);
        }
    }

    private async Task TryAsync(string name, Func<CancellationToken, Task> run, CancellationToken cancellationToken)
    {
        try
        {
            await run(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        catch (Exception failure)
        {
            Failed(log, name, failure.Message, failure is MicaException ? null : failure);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Job}: {Reason}")]
    private static partial void Failed(ILogger log, string job, string reason, Exception? bug);
}
