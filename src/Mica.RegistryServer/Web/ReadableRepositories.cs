using Mica.RegistryServer.Access;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary>Some names in their order, and where the list goes on from in either direction; null where it does not.</summary>
internal sealed record NamePage(IReadOnlyList<string> Names, string? Before, string? After);

/// <summary>Lists of repositories that somebody may read. A look at the list is bounded, however little of it may be read.</summary>
internal sealed class ReadableRepositories(MetadataDatabase metadata, AccessPolicy access)
{
    private const int Batch = 500;
    private const int MostBatches = 20;

    /// <summary>Names with <paramref name="filter"/> in them, next to <paramref name="from"/> in the direction that is asked for.</summary>
    public async Task<NamePage> ListAsync(
        Principal principal, string filter, string from, bool isBackwards, int count, CancellationToken cancellationToken)
    {
        int batch = access.IsOpen ? count + 1 : Batch;
        var names = new List<string>();
        string last = from;
        bool isMore = true;
        for (int round = 0; round < MostBatches && isMore && names.Count <= count; round++)
        {
            List<string> some = await metadata.ReadAsync(
                session => WebQueries.NamesAsync(session, filter, last, isBackwards, batch), cancellationToken);
            names.AddRange(some.Where(name => access.Allows(principal, name, Rights.Read)));
            isMore = some.Count == batch;
            last = some.Count > 0 ? some[^1] : last;
        }

        isMore |= names.Count > count;
        if (names.Count > count)
        {
            names.RemoveRange(count, names.Count - count);
            last = names[^1];
        }

        string? end = isMore ? last : null;
        if (isBackwards)
        {
            names.Reverse();
            return new NamePage(names, end, names.Count > 0 ? names[^1] : from);
        }

        return new NamePage(names, from.Length > 0 && names.Count > 0 ? names[0] : null, end);
    }
}
