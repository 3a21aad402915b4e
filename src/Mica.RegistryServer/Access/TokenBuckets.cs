using System.Collections.Concurrent;

namespace Mica.RegistryServer.Access;

/// <summary>
/// A bucket of tokens for each key, that fills at a rate up to a burst. Of a bucket only the time is kept at which it will be
/// full (the generic cell rate algorithm), and of full buckets nothing, so that many addresses take little memory; a bound
/// holds however many there are.
/// </summary>
internal sealed class TokenBuckets
{
    private const int MaxBuckets = 100_000;

    private readonly ConcurrentDictionary<string, long> _full = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private readonly long _interval;
    private readonly long _depth;
    private int _sweeping;

    /// <param name="perSecond">Tokens that a bucket gets in a second.</param>
    /// <param name="burst">Tokens that it holds.</param>
    /// <param name="time">The clock.</param>
    public TokenBuckets(double perSecond, int burst, TimeProvider time)
    {
        _time = time;
        _interval = Math.Max(1, (long)(time.TimestampFrequency / perSecond));
        _depth = _interval * burst;
    }

    public int Count => _full.Count;

    /// <summary>Takes a token; null when there was one, else when there will be.</summary>
    public TimeSpan? Take(string key)
    {
        long now = _time.GetTimestamp();
        while (true)
        {
            bool isKnown = _full.TryGetValue(key, out long full);
            long next = Math.Max(isKnown ? full : now, now) + _interval;
            if (next - now > _depth)
            {
                return _time.GetElapsedTime(0, next - now - _depth);
            }

            if (isKnown ? _full.TryUpdate(key, next, full) : _full.TryAdd(key, next))
            {
                if (!isKnown && _full.Count > MaxBuckets)
                {
                    Sweep(now);
                }

                return null;
            }
        }
    }

    /// <summary>Puts back a token that was taken.</summary>
    public void GiveBack(string key)
    {
        while (_full.TryGetValue(key, out long full) && !_full.TryUpdate(key, full - _interval, full))
        {
        }
    }

    /// <summary>Forgets what is full; when that is not enough, everything: then everybody starts with a full bucket.</summary>
    private void Sweep(long now)
    {
        if (Interlocked.Exchange(ref _sweeping, 1) == 1)
        {
            return;
        }

        try
        {
            foreach ((string key, long full) in _full)
            {
                if (full <= now)
                {
                    _full.TryRemove(KeyValuePair.Create(key, full));
                }
            }

            if (_full.Count > MaxBuckets / 2)
            {
                _full.Clear();
            }
        }
        finally
        {
            Volatile.Write(ref _sweeping, 0);
        }
    }
}
