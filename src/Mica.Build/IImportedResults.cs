using Mica.Oci;
using Mica.Store;

namespace Mica.Build;

/// <summary>Results of steps that other machines executed: what <c>--cache-from</c> names.</summary>
public interface IImportedResults
{
    /// <summary>The result with this key, its layer unpacked in the store and held by the build's lease; null when nobody has it.</summary>
    /// <param name="key">The key, or an alias of it.</param>
    /// <param name="slot">The step's place in its Dockerfile, for the record.</param>
    /// <param name="progress">Is told what moves.</param>
    /// <param name="cancellationToken">Stops.</param>
    Task<ImportedResult?> FindAsync(Digest key, string slot, IProgress<ProgressEvent> progress, CancellationToken cancellationToken);
}

/// <summary>A result of another machine.</summary>
/// <param name="Record">What to keep of it here.</param>
/// <param name="Origin">Where it comes from, for people.</param>
public sealed record ImportedResult(BuildRecord Record, string Origin);
