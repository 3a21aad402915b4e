using System.Collections.Immutable;
using Mica.Oci;
using Mica.Registry;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Upstream;

/// <summary>One registry that is fetched from: what of it is wanted, and how it is asked.</summary>
internal sealed class UpstreamRegistry : IAsyncDisposable
{
    /// <summary>At once; others wait for their turn. Transfers that stand still must not keep questions waiting.</summary>
    private const int MaxQuestions = 64, MaxTransfers = 32;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(10);

    private readonly UpstreamOptions _options;
    private readonly TimeProvider _time;
    private readonly RegistryAddress _address;
    private readonly RegistryClient _client;
    private readonly ImmutableArray<NamePattern> _repositories;
    private readonly ImmutableArray<(NamePattern Tags, TimeSpan Lifetime)> _lifetimes;
    private readonly SemaphoreSlim _questions = new(MaxQuestions);
    private readonly SemaphoreSlim _transfers = new(MaxTransfers);
    private long _restsUntil;

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: the options do not name a registry, or no prefix.</exception>
    public UpstreamRegistry(UpstreamOptions options, RegistryClientOptions client, TimeProvider time)
    {
        _options = options;
        _time = time;
        _address = RegistryAddress.Parse(options.Registry);
        Prefix = options.Prefix ?? _address.Host;
        if (!Route.IsName(Prefix) || Prefix.Contains('/', StringComparison.Ordinal))
        {
            throw new MicaException(ErrorKind.InvalidArgument, options.Prefix is null
                ? $"upstream {_address.Host} needs a prefix: its name cannot be a part of a repository's"
                : $"upstream {_address.Host}: the prefix \"{Printable.Of(Prefix)}\" cannot be a part of a repository's name");
        }

        // Clients wait meanwhile, who try again themselves.
        _client = _address.Connect(
            client with { MaxAttempts = 3, MaxRetryAfter = TimeSpan.FromSeconds(5), ConnectTimeout = TimeSpan.FromSeconds(10) },
            options.User,
            options.PasswordFile,
            time);
        _repositories = [.. options.Repositories.Select(NamePattern.Parse)];
        _lifetimes = [.. options.TagLifetimes.Select(lifetime => (NamePattern.Parse(lifetime.Tags), lifetime.Lifetime))];
    }

    /// <summary>The first part of its repositories' names here.</summary>
    public string Prefix { get; }

    public string Host => _address.Host;

    public bool IsOffline => _options.IsOffline;

    public TimeSpan KeepUnpulled => _options.KeepUnpulled;

    public TimeSpan TagLifetime => _options.TagLifetime;

    /// <summary>It failed a moment ago: who has something to show asks later.</summary>
    public bool IsResting => _time.GetUtcNow().ToUnixTimeMilliseconds() < Interlocked.Read(ref _restsUntil);

    /// <summary>The full name of a repository there; null when none can be called so, or it is not wanted.</summary>
    public string? Resolve(string name) =>
        _address.Find(name) is { } reference && _repositories.Any(pattern => pattern.Matches(reference.Path)) ? reference.Path : null;

    /// <summary>How long the tag is believed.</summary>
    public TimeSpan LifetimeOf(string repository, string tag)
    {
        string name = $"{repository}:{tag}";
        foreach ((NamePattern tags, TimeSpan lifetime) in _lifetimes)
        {
            if (tags.Matches(name))
            {
                return lifetime;
            }
        }

        return _options.TagLifetime;
    }

    /// <summary>Asks a short question, bounded in time.</summary>
    /// <exception cref="UpstreamException">There was no answer, or a refusal.</exception>
    public async Task<T> AskAsync<T>(
        string repository, Func<RegistryRepository, CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(s_patience, _time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            return await TakeTurnAsync(_questions, repository, ask, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Note(new MicaException(ErrorKind.Unavailable, $"{Host} did not answer within {s_patience.TotalSeconds:0} s"));
        }
    }

    /// <summary>Runs a transfer, which may take as long as it makes progress.</summary>
    /// <exception cref="UpstreamException">It broke off.</exception>
    public Task<T> TransferAsync<T>(
        string repository, Func<RegistryRepository, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        TakeTurnAsync(_transfers, repository, work, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        _questions.Dispose();
        _transfers.Dispose();
    }

    private async Task<T> TakeTurnAsync<T>(
        SemaphoreSlim turns, string repository, Func<RegistryRepository, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        await turns.WaitAsync(cancellationToken);
        try
        {
            T result = await work(_client.Repository(_address.Find(repository)!, progress: null), cancellationToken);
            Interlocked.Exchange(ref _restsUntil, 0);
            return result;
        }
        catch (MicaException error)
        {
            throw Note(error);
        }
        finally
        {
            turns.Release();
        }
    }

    private UpstreamException Note(MicaException error)
    {
        if (error.Kind == ErrorKind.Unavailable)
        {
            Interlocked.Exchange(ref _restsUntil, (_time.GetUtcNow() + s_rest).ToUnixTimeMilliseconds());
        }

        return UpstreamException.Of(error);
    }
}
