using Mica.Oci;

namespace Mica.RegistryServer.Configuration;

/// <summary>Which known word somebody may have meant.</summary>
internal static class SimilarName
{
    /// <summary>Null: none is close.</summary>
    public static string? Of(string word, IEnumerable<string> known) => word.Length > 64
        ? null
        : known.Select(candidate => (Candidate: candidate, Distance: EditDistance.Between(word.ToLowerInvariant(), candidate.ToLowerInvariant())))
            .Where(pair => pair.Distance <= Math.Max(1, pair.Candidate.Length / 3))
            .OrderBy(pair => pair.Distance)
            .Select(pair => pair.Candidate)
            .FirstOrDefault();
}
