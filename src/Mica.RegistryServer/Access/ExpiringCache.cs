using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Mica.RegistryServer.Access;

/// <summary>
/// Remembers what secrets turned out to be, without the secrets: under an HMAC with a key that never leaves the process. It
/// holds a bounded number, each for a bounded time.
/// </summary>
internal sealed class ExpiringCache<T>(TimeProvider time, int capacity)
    where T : class
{
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<UInt128, (T Value, DateTimeOffset Until)> _entries = new();

    public T? Find(string secret) => _entries.TryGetValue(KeyOf(secret), out var entry) && entry.Until > time.GetUtcNow() ? entry.Value : null;

    public void Add(string secret, T value, DateTimeOffset until)
    {
        if (_entries.Count >= capacity)
        {
            MakeRoom();
        }

        _entries[KeyOf(secret)] = (value, until);
    }

    private void MakeRoom()
    {
        DateTimeOffset now = time.GetUtcNow();
        foreach ((UInt128 key, (_, DateTimeOffset until)) in _entries)
        {
            if (until <= now)
            {
                _entries.TryRemove(key, out _);
            }
        }

        if (_entries.Count >= capacity)
        {
            _entries.Clear();
        }
    }

    private UInt128 KeyOf(string secret)
    {
        byte[] text = Encoding.UTF8.GetBytes(secret);
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, text, hash);
        CryptographicOperations.ZeroMemory(text);
        return BitConverter.ToUInt128(hash);
    }
}
