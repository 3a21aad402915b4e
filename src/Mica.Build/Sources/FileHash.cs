using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>The sha256 of a file's content.</summary>
internal static class FileHash
{
    private const int BufferSize = 128 << 10;

    /// <summary>In lower-case hex.</summary>
    public static string Of(SafeFileHandle file)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            int count = RandomAccess.Read(file, buffer, 0);
            if (count < buffer.Length && RandomAccess.Read(file, buffer.AsSpan(count), count) == 0)
            {
                return Convert.ToHexStringLower(SHA256.HashData(buffer.AsSpan(0, count)));
            }

            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (long position = 0; (count = RandomAccess.Read(file, buffer, position)) > 0; position += count)
            {
                hash.AppendData(buffer, 0, count);
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
