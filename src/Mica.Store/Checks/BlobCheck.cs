using System.Buffers;
using System.Security.Cryptography;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>Reads a blob's file and hashes it.</summary>
internal static class BlobCheck
{
    private const int BufferSize = 1 << 20;

    /// <summary>What is wrong with the file; null when it is whole. <paramref name="size"/> null: any.</summary>
    public static (StoreFindingKind Kind, string Message)? Examine(string path, Digest expected, long? size, CancellationToken cancellationToken)
    {
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return (StoreFindingKind.BlobMissing, "its file is gone");
        }

        using (file)
        {
            long length = RandomAccess.GetLength(file);
            if (size is { } promised && length != promised)
            {
                return (StoreFindingKind.BlobDamaged, $"it has {length} bytes, not {promised}");
            }

            Digest actual = Hash(file, expected.Algorithm, cancellationToken);
            return actual == expected ? null : (StoreFindingKind.BlobDamaged, $"its digest is {actual}");
        }
    }

    private static Digest Hash(SafeFileHandle file, string algorithm, CancellationToken cancellationToken)
    {
        using IncrementalHash hash = Digest.CreateHash(algorithm);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            long offset = 0;
            int count;
            while ((count = RandomAccess.Read(file, buffer, offset)) > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, count);
                offset += count;
            }

            return Digest.FromHash(algorithm, hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
