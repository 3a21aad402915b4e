using System.Runtime.ExceptionServices;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// Counts the failures of one piece of work and waits between attempts: exponentially longer, spread at random, or as long
/// as the registry says. Progress starts the count again.
/// </summary>
internal sealed class Attempts(RegistryClientOptions options, string subject, IProgress<ProgressEvent>? progress)
{
    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(20);

    private int _failures;

    /// <summary>The most attempts without progress.</summary>
    public int Limit { get; set; } = options.MaxAttempts;

    public void Progressed() => _failures = 0;

    /// <summary>Returns when it is time for the next attempt.</summary>
    /// <exception cref="RegistryException"><paramref name="failure"/>: another attempt would not help, or there were enough.</exception>
    public async Task AfterAsync(RegistryException failure, CancellationToken cancellationToken)
    {
        _failures++;
        if (!failure.IsTransient || _failures >= Limit || failure.RetryAfter > options.MaxRetryAfter)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        TimeSpan delay = failure.RetryAfter ?? Backoff();
        progress?.Report(new RetryScheduled(subject, failure.Message, delay));
        await Task.Delay(delay, options.Time, cancellationToken);
    }

    private TimeSpan Backoff()
    {
        TimeSpan full = s_first * Math.Pow(2, _failures - 1);
        double spread;
        lock (options.Jitter)
        {
            spread = 0.5 + (0.5 * options.Jitter.NextDouble());
        }

        return (full < s_longest ? full : s_longest) * spread;
    }
}
