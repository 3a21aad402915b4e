using System.Buffers;
using System.Security.Cryptography;
using Mica.Oci;

namespace Mica.RegistryServer.Blobs;

/// <summary>The digest of bytes that are stored.</summary>
internal static class ContentHash
{
    private const int PieceSize = 256 * 1024;

    public static async Task<Digest> OfAsync(Stream bytes, string algorithm, CancellationToken cancellationToken)
    {
        using IncrementalHash hash = Digest.CreateHash(algorithm);
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        try
        {
            while (await bytes.ReadAsync(piece, cancellationToken) is var read and > 0)
            {
                hash.AppendData(piece, 0, read);
            }

            return Digest.FromHash(algorithm, hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }
}
