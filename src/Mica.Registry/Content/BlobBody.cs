using Mica.Oci;

namespace Mica.Registry;

/// <summary>The body of one answer with blob bytes. A read that stalls or is cut ends in a transient failure.</summary>
internal sealed class BlobBody(HttpResponseMessage response, Stream stream, string subject, string host, TimeSpan stallTimeout) : IDisposable
{
    private readonly CancellationTokenSource _stalled = new();

    /// <summary>Whether it is the part that was asked for, and not the whole.</summary>
    public required bool IsPart { get; init; }

    /// <summary>Whether the answer said where it ends.</summary>
    public bool HasLength => response.Content.Headers.ContentLength is not null;

    /// <summary>0 at the end of the body.</summary>
    /// <exception cref="RegistryException">Transient: the rest did not come.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        // The consumer may take its time; only the network must not.
        _stalled.CancelAfter(stallTimeout);
        await using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static source => ((CancellationTokenSource)source!).Cancel(), _stalled);
        try
        {
            return await stream.ReadAsync(buffer, _stalled.Token);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Cut($"brought nothing for {stallTimeout.TotalSeconds:0.#} s", inner: null);
        }
        catch (Exception error) when (TransportErrors.IsTransport(error))
        {
            throw Cut("was cut", error);
        }
        finally
        {
            _stalled.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Reads over bytes that are not wanted.</summary>
    public async ValueTask SkipAsync(long count, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[Math.Min(count, 128 << 10)];
        while (count > 0)
        {
            int read = await ReadAsync(buffer.AsMemory(0, (int)Math.Min(count, buffer.Length)), cancellationToken);
            count -= read;
            if (read == 0)
            {
                throw Cut("was cut", inner: null);
            }
        }
    }

    /// <summary>The failure of a body that ends too early.</summary>
    public RegistryException Cut(string how, Exception? inner) =>
        new(ErrorKind.Unavailable, $"{subject}: the connection to {host} {how}", inner) { IsTransient = true };

    /// <inheritdoc/>
    public void Dispose()
    {
        response.Dispose();
        _stalled.Dispose();
    }
}
