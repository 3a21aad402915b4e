using System.Collections.Immutable;
using System.Security.Cryptography;
using Mica.Build;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>Finds out what the sources of a Dockerfile are now, at their registries and web servers; nothing is kept.</summary>
internal sealed class SourceLookup(Engine engine, CancellationToken cancellationToken)
{
    /// <summary>The lock with what <paramref name="sources"/> has more; with <paramref name="isRefreshed"/>, those that it says anew.</summary>
    public async Task<BuildLock> RunAsync(BuildLock before, BuildSources sources, Func<string, bool> isRefreshed)
    {
        using var slots = new SemaphoreSlim(engine.Options.Concurrency);
        async Task<KeyValuePair<string, T>[]> LookAsync<T>(ImmutableSortedSet<string> names, ImmutableSortedDictionary<string, T> known, Func<string, Task<T>> look) =>
            await Task.WhenAll(names.Where(name => !known.ContainsKey(name) || isRefreshed(name)).Select(async name =>
            {
                await slots.WaitAsync(cancellationToken);
                try
                {
                    return KeyValuePair.Create(name, await look(name));
                }
                finally
                {
                    slots.Release();
                }
            }));

        return before with
        {
            Images = before.Images.SetItems(await LookAsync(sources.Images, before.Images, ImageAsync)),
            Addresses = before.Addresses.SetItems(await LookAsync(sources.Addresses, before.Addresses, AddressAsync)),
            Repositories = before.Repositories.SetItems(await LookAsync(sources.Repositories, before.Repositories, RepositoryAsync)),
        };
    }

    private async Task<Digest> ImageAsync(string name)
    {
        var reference = ImageReference.Parse(name);
        return (await engine.Registry.Repository(reference, null).ResolveAsync(reference.Target, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"{reference.Familiar}: not found")).Digest;
    }

    private Task<string> RepositoryAsync(string name) => GitAddress.TryParse(name, out GitAddress? address)
        ? GitClone.ResolveAsync(address, cancellationToken) : throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(name)}: not a git repository");

    private async Task<Digest> AddressAsync(string address)
    {
        await using WebDownload download = await WebDownload.OpenAsync(new Uri(address), engine.Options.Downloads, cancellationToken);
        return Digest.FromHash(Digest.Sha256, await SHA256.HashDataAsync(download.Content, cancellationToken));
    }
}
