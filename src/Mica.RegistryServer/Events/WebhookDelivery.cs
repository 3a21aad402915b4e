using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Mica.Oci;
using Mica.RegistryServer.Metadata;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Events;

/// <summary>
/// Tells one receiver of events, those of a repository in their order. What is not answered with 2xx is sent again, later
/// and later, until it is older than the receiver's retention. Before an event is sent it is claimed, so that of several
/// replicas one sends it; if that one dies, another does after a minute: a receiver may get an event twice, with the same id.
/// </summary>
internal sealed partial class WebhookDelivery(
    WebhookReceiver receiver, MetadataDatabase metadata, HttpClient client, RegistryMetrics metrics, TimeProvider time, ILogger<WebhookDelivery> log)
{
    private const long Batch = 8;
    private static readonly TimeSpan s_claim = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(10);

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The client that all deliveries share: a redirect is an answer like any other, and no proxy's or cookie's matter.</summary>
    public static HttpClient CreateClient() => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Delivers what is due, until nothing is, or the receiver takes nothing.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        bool isTaken = true;
        while (isTaken)
        {
            List<Delivery> due = await metadata.ReadAsync(session => EventRows.DueAsync(session, receiver.Key, Now, Batch), cancellationToken);
            bool[] taken = await Task.WhenAll(due.Select(delivery => DeliverAsync(delivery, cancellationToken)));
            isTaken = taken.Contains(true);
        }
    }

    private async Task<bool> DeliverAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        long now = Now;
        if (!await metadata.WriteAsync(
            session => EventRows.ClaimAsync(session, receiver.Key, delivery, now, now + (long)s_claim.TotalMilliseconds), cancellationToken))
        {
            return false;
        }

        string? failure;
        TimeSpan pause = TimeSpan.FromSeconds(Math.Min(Math.Pow(2, Math.Min(delivery.Attempts, 16)), s_longestPause.TotalSeconds));
        bool isFinal = false;
        try
        {
            (failure, isFinal, TimeSpan? asked) = await SendAsync(delivery, cancellationToken);
            pause = asked > pause ? asked.Value : pause;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await metadata.WriteAsync(
                async session => { await EventRows.PutOffAsync(session, receiver.Key, delivery, Now, delivery.Attempts); }, CancellationToken.None);
            throw;
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException or IOException or UnauthorizedAccessException or MicaException)
        {
            failure = error is OperationCanceledException ? "no answer in time" : Printable.Of(error.Message);
        }

        if (failure is null)
        {
            metrics.WebhooksDelivered.Add(1);
        }
        else
        {
            metrics.WebhooksFailed.Add(1);
            isFinal |= Now - delivery.Queued > receiver.Options.Retention.TotalMilliseconds;
            Failed(log, receiver.Name, delivery.Uid, delivery.Repository, failure, isFinal ? "given up" : $"again in {pause}");
        }

        await metadata.WriteAsync(
            async session =>
            {
                _ = failure is null || isFinal
                    ? await EventRows.DoneAsync(session, receiver.Key, delivery)
                    : await EventRows.PutOffAsync(session, receiver.Key, delivery, Now + (long)pause.TotalMilliseconds, delivery.Attempts + 1);
            },
            CancellationToken.None);
        return failure is null;
    }

    /// <summary>Sends the event once. The failure is null when it was taken.</summary>
    private async Task<(string? Failure, bool IsFinal, TimeSpan? Pause)> SendAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        using var request = new HttpRequestMessage(HttpMethod.Post, receiver.Options.Address);
        request.Content = new StringContent(delivery.Body);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/cloudevents+json", "utf-8");
        long timestamp = time.GetUtcNow().ToUnixTimeSeconds();
        request.Headers.Add("webhook-id", delivery.Uid);
        request.Headers.Add("webhook-timestamp", timestamp.ToString(CultureInfo.InvariantCulture));
        if (receiver.Options.SecretFile is { } file)
        {
            // Read each time, so that a key can be changed without a restart.
            string secrets = await File.ReadAllTextAsync(file, patience.Token);
            request.Headers.Add("webhook-signature", WebhookSignature.Of(secrets, delivery.Uid, timestamp, delivery.Body));
        }

        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
        return response switch
        {
            { IsSuccessStatusCode: true } => (null, false, null),

            // Standard Webhooks: the receiver wants this no more.
            { StatusCode: HttpStatusCode.Gone } => ("answered 410", true, null),
            _ => ($"answered {(int)response.StatusCode}", false, RetryAfter(response)),
        };
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        TimeSpan? asked = response.Headers.RetryAfter is not { } header ? null : header.Delta ?? (header.Date - time.GetUtcNow());
        return asked > TimeSpan.FromHours(1) ? TimeSpan.FromHours(1) : asked;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "webhook {Receiver}: event {Event} of {Repository}: {Reason}; {Next}")]
    private static partial void Failed(ILogger log, string receiver, string @event, string repository, string reason, string next);
}
