using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>The sha256 of a file's content: 32 bytes.</summary>
[InlineArray(SHA256.HashSizeInBytes)]
internal struct ContentHash
{
    private const int BufferSize = 128 << 10;

    private byte _first;

    /// <summary>Reads the file from its beginning to its end.</summary>
    public static ContentHash Of(SafeFileHandle file)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        var result = default(ContentHash);
        try
        {
            int count = RandomAccess.Read(file, buffer, 0);
            if (count < buffer.Length && (count == 0 || RandomAccess.Read(file, buffer.AsSpan(count), count) == 0))
            {
                SHA256.HashData(buffer.AsSpan(0, count), result);
                return result;
            }

            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (long position = 0; (count = RandomAccess.Read(file, buffer, position)) > 0; position += count)
            {
                hash.AppendData(buffer, 0, count);
            }

            hash.GetHashAndReset(result);
            return result;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>In lower-case hex.</summary>
    public override readonly string ToString() => Convert.ToHexStringLower(this);
}
