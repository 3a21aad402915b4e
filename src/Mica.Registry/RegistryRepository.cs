using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// One repository of one registry as content: read from its mirrors and itself, written to itself alone. Manifests and
/// indexes are told from blobs by their media type. Tags are names within the repository. Made by
/// <see cref="RegistryClient.Repository"/>; safe for concurrent use.
/// </summary>
public sealed class RegistryRepository : IMountingTarget, IResumableSource
{
    private readonly ImageReference _reference;
    private readonly PullEndpoints _pull;
    private readonly RepositoryEndpoint _push;
    private readonly RangePool _parts;
    private readonly RegistryClientOptions _options;
    private readonly Func<Uri, RepositoryEndpoint> _foreign;
    private readonly RecentManifests _recent = new();
    private readonly ConcurrentDictionary<Digest, Uri> _opened = new();
    private readonly ManifestFetch _manifests;
    private readonly ManifestFetch _pushed;
    private readonly Referrers _referrers;

    internal RegistryRepository(
        ImageReference reference, PullEndpoints pull, RepositoryEndpoint push, RangePool parts, RegistryClientOptions options,
        Func<Uri, RepositoryEndpoint> foreign)
    {
        _reference = reference;
        _pull = pull;
        _push = push;
        _parts = parts;
        _options = options;
        _foreign = foreign;
        _manifests = new ManifestFetch(pull, _recent);
        _pushed = new ManifestFetch(new PullEndpoints([push], progress: null), _recent);
        _referrers = new Referrers(pull, push, _manifests, _recent);
    }

    /// <summary>Host and port of the registry itself, for messages: <c>registry-1.docker.io</c> for Docker Hub.</summary>
    public string HostName => _push.Host.Name;

    /// <inheritdoc/>
    /// <remarks>One HEAD, where the registry answers it; Docker Hub does not count it as a pull.</remarks>
    public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) =>
        _manifests.ResolveAsync(Target(reference), cancellationToken);

    /// <summary>
    /// Resolves <paramref name="reference"/> and fetches it in one round trip: for a first pull, where the bytes are needed in
    /// any case. Opening the descriptor afterwards asks nobody. Null when nothing has that name.
    /// </summary>
    public ValueTask<FetchedManifest?> FetchManifestAsync(string reference, CancellationToken cancellationToken) =>
        _manifests.FetchAsync(Target(reference), cancellationToken);

    /// <summary>The error for a name that <see cref="ResolveAsync"/> knows nothing of.</summary>
    public MicaException NotFound(string reference) => RegistryErrors.NotFound(
        _pull.Last.Request(HttpMethod.Get, "", RegistryAction.Pull, _pull.Last.NameOf(Target(reference))).Subject);

    /// <inheritdoc/>
    public async ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        new VerifyingStream(await OpenUnverifiedAsync(descriptor, 0, cancellationToken), descriptor);

    /// <inheritdoc/>
    public async ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, descriptor.Size);
        if (MediaTypes.IsDocument(descriptor.MediaType))
        {
            byte[] content = await _manifests.ReadAsync(descriptor, cancellationToken);
            return new MemoryStream(content, (int)offset, content.Length - (int)offset, writable: false);
        }

        return await OpenBlobAsync(descriptor, offset, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        MediaTypes.IsDocument(descriptor.MediaType)
            ? await _pushed.ResolveAsync(descriptor.Digest.ToString(), cancellationToken) is not null
            : await BlobExistence.CheckAsync(_push, descriptor, cancellationToken);

    /// <summary>How many bytes a blob has of which only the digest is known; null when the repository lacks it. Mirrors are not asked.</summary>
    public Task<long?> FindBlobAsync(Digest digest, CancellationToken cancellationToken) =>
        BlobExistence.SizeAsync(_pull.Last, digest, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<bool> TryMountAsync(Descriptor descriptor, string sourceRepository, CancellationToken cancellationToken)
    {
        string query = $"?mount={Uri.EscapeDataString(descriptor.Digest.ToString())}&from={Uri.EscapeDataString(sourceRepository)}";
        RegistryRequest request = _push.Request(
            HttpMethod.Post, $"blobs/uploads/{query}", RegistryAction.Push, _push.NameOf(descriptor.Digest.ToString()));
        request = request with { Scopes = request.Scopes.Union(TokenScopes.Pull(sourceRepository)) };
        try
        {
            return await _push.AskAsync(request, async response =>
            {
                if (response.StatusCode == HttpStatusCode.Accepted)
                {
                    // It opened an upload instead; the write that follows goes there.
                    _opened[descriptor.Digest] = _push.Host.Locate(response, request);
                    return false;
                }

                await _push.CheckAsync(response, request, cancellationToken);
                return true;
            }, cancellationToken);
        }
        catch (RegistryException error) when (error.Status is >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError)
        {
            // Nobody may read the other repository, or it is not there: the upload will do, or fail with its own words.
            return false;
        }
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken)
    {
        if (MediaTypes.IsDocument(expected.MediaType))
        {
            await new ManifestPush(_push, _recent, _referrers).WriteAsync(expected, content, cancellationToken);
            return;
        }

        _opened.TryRemove(expected.Digest, out Uri? opened);
        if (expected.Size <= SmallUpload.MaxSize)
        {
            await new SmallUpload(_push, expected, _options).RunAsync(content, opened, cancellationToken);
            return;
        }

        using var source = new UploadSource(content, expected);
        await new BlobUpload(_push, expected, source, _options).RunAsync(opened, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken)
    {
        string target = _reference.WithTag(tag).Tag!;
        byte[] bytes = _recent.Find(descriptor.Digest)
            ?? await _pushed.ReadAsync(descriptor, cancellationToken);
        await new ManifestPush(_push, _recent, _referrers).PutAsync(descriptor, bytes, target, cancellationToken);
    }

    /// <summary>The tags, in the registry's order, page by page as they are read.</summary>
    /// <exception cref="RegistryException"><see cref="ErrorKind.NotFound"/>: there is no such repository.</exception>
    public IAsyncEnumerable<string> TagsAsync(CancellationToken cancellationToken) =>
        new TagList(_pull.Last, _reference).ReadAsync(cancellationToken);

    /// <summary>
    /// Every move of the reference's tag, or of all tags when it has none, newest first. An extension that mica's registry has.
    /// </summary>
    /// <exception cref="RegistryException"><see cref="ErrorKind.Unsupported"/>: this registry keeps no journal.</exception>
    public IAsyncEnumerable<RegistryTagMove> JournalAsync(CancellationToken cancellationToken) =>
        new TagJournal(_push, _reference).ReadAsync(cancellationToken);

    /// <summary>Lets the reference's tag stand for what it stood for before its last move, or for <paramref name="target"/>.</summary>
    /// <exception cref="RegistryException">
    /// <see cref="ErrorKind.NotFound"/>: it stood for nothing, or that is gone. <see cref="ErrorKind.Unsupported"/>: this registry keeps no journal.
    /// </exception>
    public Task<RegistryTagMove> UndoTagAsync(Digest? target, CancellationToken cancellationToken) =>
        new TagJournal(_push, _reference).UndoAsync(target, cancellationToken);

    /// <summary>
    /// What says something about <paramref name="subject"/> (signatures, SBOMs), of one <paramref name="artifactType"/> or,
    /// when it is null, of all. By the referrers API or the tag that stands in for it.
    /// </summary>
    public Task<ImmutableArray<Descriptor>> ReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellationToken) =>
        _referrers.ListAsync(subject, artifactType, cancellationToken);

    /// <summary>Deletes a manifest, and with it every tag that names it. What it refers to stays.</summary>
    /// <exception cref="RegistryException">
    /// <see cref="ErrorKind.NotFound"/>; <see cref="ErrorKind.Unsupported"/>: the registry does not allow it.
    /// </exception>
    public async Task DeleteManifestAsync(Digest digest, CancellationToken cancellationToken)
    {
        FetchedManifest? manifest = await _manifests.FetchAsync(_push, digest.ToString(), cancellationToken);
        await DeleteAsync($"manifests/{digest}", digest.ToString(), cancellationToken);
        if (manifest is not null && ManifestPush.SubjectOf(manifest.Content.Span, manifest.Descriptor.MediaType) is { } subject)
        {
            await _referrers.RemoveAsync(subject.Digest, digest, cancellationToken);
        }
    }

    /// <summary>Takes a tag away; what it named stays.</summary>
    /// <exception cref="RegistryException">As for <see cref="DeleteManifestAsync"/>.</exception>
    public Task DeleteTagAsync(string tag, CancellationToken cancellationToken)
    {
        string target = _reference.WithTag(tag).Tag!;
        return DeleteAsync($"manifests/{target}", target, cancellationToken);
    }

    /// <summary>Deletes a blob of this repository.</summary>
    /// <exception cref="RegistryException">As for <see cref="DeleteManifestAsync"/>.</exception>
    public Task DeleteBlobAsync(Digest digest, CancellationToken cancellationToken) =>
        DeleteAsync($"blobs/{digest}", digest.ToString(), cancellationToken);

    private async Task DeleteAsync(string rest, string target, CancellationToken cancellationToken)
    {
        RegistryRequest request = _push.Request(HttpMethod.Delete, rest, RegistryAction.Delete, _push.NameOf(target));
        await _push.AskAsync(request, async response =>
        {
            await _push.CheckAsync(response, request, cancellationToken);
            return true;
        }, cancellationToken);
    }

    private async Task<Stream> OpenBlobAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken)
    {
        string name = _push.NameOf(descriptor.Digest.ToString());
        List<BlobOrigin> origins = [.. _pull.Usable.Select(endpoint => new BlobOrigin(endpoint,
            endpoint.Request(HttpMethod.Get, $"blobs/{descriptor.Digest}", RegistryAction.Pull, name) with { IsBulk = true }))];
        origins.AddRange(ForeignOrigins(descriptor, name));
        var fetch = new BlobFetch(descriptor, origins, _pull, _options);
        bool split = descriptor.Size - offset >= _options.ParallelThreshold && _options.ParallelRanges > 1
            && !fetch.Origin.Host.IgnoresRanges && (_options.SplitOnLoopback || !fetch.Origin.Host.IsLoopback);
        long firstEnd = split ? offset + _parts.BufferSize : descriptor.Size;
        var first = new ResumingStream(fetch, offset, Math.Min(firstEnd, descriptor.Size));
        try
        {
            if (offset == descriptor.Size && offset > 0)
            {
                return first;
            }

            bool isPart = await first.StartAsync(cancellationToken);
            return !split ? first
                : isPart ? new SplitStream(fetch, first, offset, firstEnd, _parts, _options.ParallelRanges)
                : first.WithEnd(descriptor.Size);
        }
        catch
        {
            await first.DisposeAsync();
            throw;
        }
    }

    /// <summary>Where else a layer may be that registries need not hold: https addresses, asked as nobody, after the registry.</summary>
    private IEnumerable<BlobOrigin> ForeignOrigins(Descriptor descriptor, string name)
    {
        foreach (string text in MediaTypes.IsNondistributable(descriptor.MediaType) ? descriptor.Urls ?? [] : [])
        {
            if (Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme == "https" && address.UserInfo.Length == 0)
            {
                RepositoryEndpoint endpoint = _foreign(address);
                yield return new BlobOrigin(endpoint, new RegistryRequest(HttpMethod.Get, address.PathAndQuery,
                    new RequestSubject(RegistryAction.Pull, name, _reference.FamiliarName, address.Authority)) { IsBulk = true });
            }
        }
    }

    /// <summary>A tag or digest that is fit to stand in an address.</summary>
    private string Target(string reference) => Digest.TryParse(reference, out Digest digest) ? digest.ToString() : _reference.WithTag(reference).Tag!;
}
