using System.Security.Cryptography;
using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Blobs;

/// <summary>
/// What this process knows of uploads beyond their rows: that one request at a time works on each, and the hash of what it
/// has taken itself. Where that is not the whole upload (another replica took a part, the server was started anew, a request
/// broke off) the bytes are read again to be hashed; so the hashes of those that rest the longest may be forgotten.
/// </summary>
internal sealed class UploadsInFlight
{
    private const int MaxResting = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly LinkedList<Entry> _resting = new();

    /// <summary>How many uploads are remembered; a request for one that does not exist leaves nothing behind.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Waits until no other request of this process works on the upload. <see cref="Leave"/> lets the next one in.</summary>
    public async Task<Entry> EnterAsync(string id, CancellationToken cancellationToken)
    {
        Entry? entry;
        lock (_lock)
        {
            if (!_entries.TryGetValue(id, out entry))
            {
                entry = new Entry(id);
                _entries.Add(id, entry);
            }
            else if (entry.Requests == 0)
            {
                _resting.Remove(entry.Rest);
            }

            entry.Requests++;
        }

        try
        {
            await entry.Turn.WaitAsync(cancellationToken);
            return entry;
        }
        catch
        {
            Drop(entry);
            throw;
        }
    }

    /// <summary>Tells the upload whose bytes are to be removed now: it was ended while this request worked on it.</summary>
    public Upload? Leave(Entry entry)
    {
        entry.Turn.Release();
        return Drop(entry);
    }

    /// <summary>
    /// Notes that the upload has ended without becoming a blob. False when a request works on it: the last one to leave
    /// removes the bytes, since until then it may write more.
    /// </summary>
    public bool End(Upload upload)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(upload.Id, out Entry? entry))
            {
                return true;
            }

            if (entry.Requests > 0)
            {
                entry.Ended = upload;
                return false;
            }

            _resting.Remove(entry.Rest);
            Forget(entry);
            return true;
        }
    }

    private Upload? Drop(Entry entry)
    {
        lock (_lock)
        {
            if (--entry.Requests > 0)
            {
                return null;
            }

            if (entry.Ended is not null || !entry.HasHash)
            {
                Forget(entry);
                return entry.Ended;
            }

            _resting.AddLast(entry.Rest);
            if (_resting.Count > MaxResting)
            {
                Entry oldest = _resting.First!.Value;
                _resting.RemoveFirst();
                Forget(oldest);
            }

            return null;
        }
    }

    private void Forget(Entry entry)
    {
        _entries.Remove(entry.Id);
        entry.Forget();
    }

    /// <summary>One upload.</summary>
    internal sealed class Entry
    {
        private IncrementalHash? _hash;
        private string? _algorithm;
        private long _size;

        public Entry(string id)
        {
            Id = id;
            Rest = new LinkedListNode<Entry>(this);
        }

        public string Id { get; }

        public LinkedListNode<Entry> Rest { get; }

        public SemaphoreSlim Turn { get; } = new(1);

        /// <summary>Those that work on it or wait for their turn.</summary>
        public int Requests { get; set; }

        public Upload? Ended { get; set; }

        public bool HasHash => _hash is not null;

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

        /// <summary>Some bytes went into the hash and not into the upload, or it is of no use any more.</summary>
        public void Forget()
        {
            _hash?.Dispose();
            _hash = null;
            _size = -1;
        }
    }
}
