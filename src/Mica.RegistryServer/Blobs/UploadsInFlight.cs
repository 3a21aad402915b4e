using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Mica.Oci;

namespace Mica.RegistryServer.Blobs;

/// <summary>
/// What this process knows of uploads beyond their rows: that one request at a time works on each, and the hash of what it
/// has taken itself. Where that is not the whole upload (another replica took a part, the server was started anew, a request
/// broke off) the bytes are read again to be hashed.
/// </summary>
internal sealed class UploadsInFlight
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Waits until no other request of this process works on the upload.</summary>
    public async Task<Entry> EnterAsync(string id, CancellationToken cancellationToken)
    {
        Entry entry = _entries.GetOrAdd(id, static _ => new Entry());
        await entry.EnterAsync(cancellationToken);
        return entry;
    }

    /// <summary>
    /// Forgets uploads that nobody went on with here since <paramref name="before"/>, a timestamp: another replica may have
    /// completed them. If one does go on its bytes are read again.
    /// </summary>
    public void RemoveIdle(long before)
    {
        foreach ((string id, Entry entry) in _entries)
        {
            if (entry.IsIdleSince(before))
            {
                Remove(id);
            }
        }
    }

    /// <summary>Forgets an upload that has ended.</summary>
    public void Remove(string id)
    {
        if (_entries.TryRemove(id, out Entry? entry))
        {
            entry.Forget();
        }
    }

    /// <summary>One upload. Disposing lets the next request in.</summary>
    internal sealed class Entry : IDisposable
    {
        private readonly SemaphoreSlim _turn = new(1);
        private long _used = Stopwatch.GetTimestamp();
        private IncrementalHash? _hash;
        private string? _algorithm;
        private long _size;

        public Task EnterAsync(CancellationToken cancellationToken)
        {
            Volatile.Write(ref _used, Stopwatch.GetTimestamp());
            return _turn.WaitAsync(cancellationToken);
        }

        public bool IsIdleSince(long before) => _turn.CurrentCount > 0 && Volatile.Read(ref _used) < before;

        /// <summary>The hash of the first <paramref name="size"/> bytes, to append to; null when it is not known here.</summary>
        public IncrementalHash? Take(long size, string? algorithm)
        {
            if (size == 0 && _size == 0 && (_hash is null || (algorithm is not null && algorithm != _algorithm)))
            {
                _hash?.Dispose();
                _algorithm = algorithm ?? Digest.Sha256;
                _hash = Digest.CreateHash(_algorithm);
            }

            return _size == size && (algorithm is null || algorithm == _algorithm) ? _hash : null;
        }

        /// <summary>What was appended is part of the upload now.</summary>
        public void Grown(long size) => _size = size;

        /// <summary>The digest of all <paramref name="size"/> bytes; null when it is not known here.</summary>
        public Digest? DigestOf(long size, string algorithm) => _hash is not null && _size == size && _algorithm == algorithm
            ? Digest.FromHash(algorithm, _hash.GetCurrentHash())
            : null;

        /// <summary>Some bytes went into the hash and not into the upload.</summary>
        public void Forget()
        {
            _hash?.Dispose();
            _hash = null;
            _size = -1;
        }

        public void Dispose()
        {
            Volatile.Write(ref _used, Stopwatch.GetTimestamp());
            _turn.Release();
        }
    }
}
