using Mica.Oci;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer;

/// <summary>Whether the registry can serve now: that what it stands on answers, and that it is not about to end.</summary>
internal sealed class Readiness(MetadataDatabase metadata, IBlobStorage storage, TimeProvider time)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private volatile bool _isEnding;

    /// <summary>From now on it is not ready, so that load balancers turn away while it still serves.</summary>
    public void End() => _isEnding = true;

    /// <summary>Why it is not ready; null when it is.</summary>
    public async Task<string?> ReasonAsync(CancellationToken cancellationToken)
    {
        if (_isEnding)
        {
            return "shutting down";
        }

        return await TryAsync("metadata", AskMetadataAsync, cancellationToken) ?? await TryAsync("storage", storage.ProbeAsync, cancellationToken);
    }

    private Task AskMetadataAsync(CancellationToken cancellationToken) =>
        metadata.ReadAsync(static session => session.NumberAsync("SELECT number FROM settings WHERE name = 'schema'"), cancellationToken);

    /// <summary>The message says what did not answer, and not why: it is for anybody, and the reason may name hosts.</summary>
    private async Task<string?> TryAsync(string name, Func<CancellationToken, Task> ask, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            // Who does not heed the token is not waited for either.
            Task asked = Task.Run(() => ask(patience.Token), cancellationToken);
            await asked.WaitAsync(s_patience, time, cancellationToken);
            return null;
        }
        catch (TimeoutException)
        {
            await patience.CancelAsync();
            return $"{name} does not answer";
        }
        catch (Exception failure) when (failure is MicaException or IOException or UnauthorizedAccessException)
        {
            return $"{name} fails";
        }
    }
}
