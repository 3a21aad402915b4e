using Mica.Oci;

namespace Mica.Registry;

/// <summary>The last few manifests that went by, so that none is asked for twice in a row. Bounded; safe for concurrent use.</summary>
internal sealed class RecentManifests
{
    private const int MaxCount = 16;
    private const int MaxBytes = 8 << 20;

    private readonly Lock _lock = new();
    private readonly LinkedList<(Digest Digest, byte[] Content)> _newestFirst = new();
    private long _bytes;

    public byte[]? Find(Digest digest)
    {
        lock (_lock)
        {
            return _newestFirst.FirstOrDefault(entry => entry.Digest == digest).Content;
        }
    }

    /// <summary><paramref name="content"/> is verified, and nobody changes it.</summary>
    public void Add(Digest digest, byte[] content)
    {
        lock (_lock)
        {
            if (_newestFirst.Any(entry => entry.Digest == digest))
            {
                return;
            }

            _newestFirst.AddFirst((digest, content));
            _bytes += content.Length;
            while (_newestFirst.Count > MaxCount || (_bytes > MaxBytes && _newestFirst.Count > 1))
            {
                _bytes -= _newestFirst.Last!.Value.Content.Length;
                _newestFirst.RemoveLast();
            }
        }
    }
}
