using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Collection;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer;

/// <summary>
/// The data of a registry, opened to look after it: beside a server that serves it, or without one. A server sees within a
/// second what is changed here.
/// </summary>
public sealed class RegistryData : IAsyncDisposable
{
    private readonly MetadataDatabase _metadata;
    private readonly IBlobStorage _storage;
    private readonly RegistryServerOptions _options;

    private RegistryData(MetadataDatabase metadata, IBlobStorage storage, RegistryServerOptions options)
    {
        _metadata = metadata;
        _storage = storage;
        _options = options;
    }

    /// <summary>Opens data that must be there already.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no registry has ever kept anything there.</exception>
    public static async Task<RegistryData> OpenAsync(RegistryServerOptions options, CancellationToken cancellationToken)
    {
        if (options.PostgreSql is null && !File.Exists(RegistryParts.MetadataFile(options)))
        {
            throw new MicaException(ErrorKind.NotFound, $"{options.DataDirectory}: no registry has its data here; --data says where it is");
        }

        IBlobStorage storage = await RegistryParts.OpenStorageAsync(options, cancellationToken);
        try
        {
            return new RegistryData(await RegistryParts.OpenMetadataAsync(options, cancellationToken), storage, options);
        }
        catch
        {
            (storage as IDisposable)?.Dispose();
            throw;
        }
    }

    /// <summary>Removes at once what the server's next rounds of garbage collection would.</summary>
    public Task<CollectionReport> CollectAsync(CancellationToken cancellationToken) =>
        new Collector(_metadata, _storage, _options.Limits, _options.Time).RunAsync(cancellationToken);

    /// <summary>What keeps a blob or a manifest, a line for each reason; empty when there is nothing of that digest.</summary>
    public Task<ImmutableArray<string>> ExplainAsync(Digest digest, CancellationToken cancellationToken) => _metadata.ReadAsync(
        session => BlobExplanation.OfAsync(session, digest, _options.Limits, _options.Time.GetUtcNow().ToUnixTimeMilliseconds()),
        cancellationToken);

    /// <summary>What the retention rules say of each tag; removes what they do not keep unless it is a trial.</summary>
    public IAsyncEnumerable<RetentionDecision> RetainAsync(bool isTrial, CancellationToken cancellationToken) =>
        new Retention(_metadata, _options.Retention, new TagRules(_options.ImmutableTags), _options.Time).RunAsync(isTrial, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _metadata.DisposeAsync();
        (_storage as IDisposable)?.Dispose();
    }
}
