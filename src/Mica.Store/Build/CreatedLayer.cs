using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>A layer that was made here. It is not compressed: its digest as a blob is its diffID.</summary>
/// <param name="DiffId">Digest of the tar.</param>
/// <param name="Size">Bytes of the tar.</param>
/// <param name="ContentBytes">Sum of the sizes of its files.</param>
/// <param name="Notices">What it could not hold, one line each.</param>
public sealed record CreatedLayer(Digest DiffId, long Size, long ContentBytes, ImmutableArray<string> Notices)
{
    /// <summary>The blob.</summary>
    public Descriptor Descriptor => new() { MediaType = MediaTypes.OciLayer, Digest = DiffId, Size = Size };
}
