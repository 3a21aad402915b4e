namespace Mica.Registry;

/// <summary>Reads a body that must not be big, with failures in a user's words.</summary>
internal static class BoundedBody
{
    private const int FirstSize = 16 << 10;

    /// <summary>The body; null when it has more than <paramref name="limit"/> bytes.</summary>
    /// <exception cref="RegistryException">It did not come whole.</exception>
    public static async Task<byte[]?> ReadAsync(HttpResponseMessage response, int limit, string host, CancellationToken cancellationToken)
    {
        long? promised = response.Content.Headers.ContentLength;
        if (promised > limit)
        {
            return null;
        }

        using var guard = new StallGuard(StallGuard.DefaultLimit, cancellationToken);
        try
        {
            await using Stream stream = await response.Content.ReadAsStreamAsync(guard.Token);
            // One byte of room more than may come, so that the end is seen.
            byte[] buffer = new byte[(promised ?? Math.Min(limit, FirstSize)) + 1];
            int count = 0;
            while (true)
            {
                int read = await stream.ReadAsync(buffer.AsMemory(count), guard.Token);
                guard.Progressed();
                count += read;
                if (read == 0 || count > limit)
                {
                    return count > limit ? null : buffer[..count];
                }

                if (count == buffer.Length)
                {
                    Array.Resize(ref buffer, (int)Math.Min((long)buffer.Length * 2, limit + 1L));
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw TransportErrors.Of(guard.Expired, host);
        }
        catch (Exception error) when (TransportErrors.IsTransport(error))
        {
            throw TransportErrors.Of(error, host);
        }
    }
}
