using System.Collections.Concurrent;

namespace Mica.RegistryServer.Upstream;

/// <summary>
/// Work that is done once for all who ask for it at the same time. It belongs to none of them: who goes away ends only his own
/// wait.
/// </summary>
/// <param name="stopping">Ends all work.</param>
internal sealed class SingleFlight<TKey, T>(CancellationToken stopping)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, Lazy<Task<T>>> _flights = new();

    public Task<T> RunAsync(TKey key, Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        _flights.GetOrAdd(key, _ => new Lazy<Task<T>>(() => FlyAsync(key, work))).Value.WaitAsync(cancellationToken);

    /// <summary>Returns when nothing is under way.</summary>
    public Task EndAsync() => Task.WhenAll(_flights.Values.Select(static async flight =>
        await ((Task)flight.Value).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing)));

    private async Task<T> FlyAsync(TKey key, Func<CancellationToken, Task<T>> work)
    {
        // Off the asker's thread, and not over before everybody can find it.
        await Task.Yield();
        try
        {
            return await work(stopping);
        }
        finally
        {
            _flights.TryRemove(key, out _);
        }
    }
}
