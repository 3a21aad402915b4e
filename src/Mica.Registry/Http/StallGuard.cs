namespace Mica.Registry;

/// <summary>
/// Cancels what has made no progress for a while. By the machine's own clock: it guards sockets, which know no other.
/// </summary>
internal sealed class StallGuard : IDisposable
{
    /// <summary>The time that an answer, or the next piece of one, may take.</summary>
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _source;
    private readonly TimeSpan _limit;

    public StallGuard(TimeSpan limit, CancellationToken cancellationToken)
    {
        _limit = limit;
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Progressed();
    }

    public CancellationToken Token => _source.Token;

    /// <summary>What a user reads when the time was up.</summary>
    public TimeoutException Expired => new($"nothing came for {_limit.TotalSeconds:0.#} s");

    /// <summary>Starts the time again.</summary>
    public void Progressed() => _source.CancelAfter(_limit);

    public void Dispose() => _source.Dispose();
}
