using Mica.Oci;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace Mica.RegistryServer.Access;

/// <summary>
/// The public keys of an issuer, RFC 7517, from an address or a file. They are fetched when they are needed, again after an
/// hour, and when a token names a key that is not among them; while the issuer cannot be reached, the old ones are good.
/// </summary>
/// <param name="place">An address, or the path of a file.</param>
/// <param name="documents">Fetches.</param>
/// <param name="time">The clock.</param>
/// <param name="log">For what fails.</param>
internal sealed partial class JsonWebKeys(string place, RemoteDocuments documents, TimeProvider time, ILogger log) : IDisposable
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(1);

    /// <summary>Tokens with made-up key ids must not make the registry ask all the time.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _fetching = new(1);
    private volatile KeySet _known = new([], default, default);

    /// <summary>The keys; empty when there never were any to be had.</summary>
    public async ValueTask<IReadOnlyList<SecurityKey>> GetAsync(string keyId, CancellationToken cancellationToken)
    {
        if (IsGood(_known, keyId))
        {
            return _known.Keys;
        }

        await _fetching.WaitAsync(cancellationToken);
        try
        {
            KeySet known = _known;
            if (!IsGood(known, keyId))
            {
                _known = await FetchAsync(known, cancellationToken);
            }

            return _known.Keys;
        }
        finally
        {
            _fetching.Release();
        }
    }

    public void Dispose() => _fetching.Dispose();

    private bool IsGood(KeySet known, string keyId)
    {
        DateTimeOffset now = time.GetUtcNow();
        return now - known.Tried < s_pause
            || (now - known.Fetched < s_lifetime && (keyId.Length == 0 || known.Keys.Any(key => key.KeyId == keyId)));
    }

    private async Task<KeySet> FetchAsync(KeySet known, CancellationToken cancellationToken)
    {
        DateTimeOffset now = time.GetUtcNow();
        try
        {
            var set = new JsonWebKeySet(await documents.ReadAsync(place, cancellationToken));

            // A secret key among them would let anybody sign who can read it.
            return new KeySet([.. set.GetSigningKeys().Where(key => key is AsymmetricSecurityKey or JsonWebKey { Kty: "EC" or "RSA" })], now, now);
        }
        catch (Exception error) when (error is MicaException or ArgumentException)
        {
            Failed(log, place, Printable.Of(error.Message));
            return known with { Tried = now };
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Place}: the keys of tokens cannot be read: {Reason}")]
    private static partial void Failed(ILogger log, string place, string reason);

    private sealed record KeySet(IReadOnlyList<SecurityKey> Keys, DateTimeOffset Fetched, DateTimeOffset Tried);
}
