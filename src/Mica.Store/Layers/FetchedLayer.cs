using Mica.Oci;

namespace Mica.Store;

/// <summary>A layer that is in the store, as a blob and unpacked, and held by the lease that it was fetched through.</summary>
/// <param name="Blob">The compressed layer.</param>
/// <param name="DiffId">Digest of its uncompressed tar.</param>
/// <param name="Existed">Nothing had to be transferred or unpacked.</param>
public sealed record FetchedLayer(Descriptor Blob, Digest DiffId, bool Existed);
