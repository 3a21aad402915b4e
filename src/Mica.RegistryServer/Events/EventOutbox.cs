using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Events;

/// <summary>
/// Writes what happens as CloudEvents 1.0, in the transaction in which it happens: no event is lost, and none tells of what
/// was not done. Delivery comes later, and from any replica.
/// </summary>
/// <param name="receivers">Who is told.</param>
/// <param name="isKept">Events that nobody is told of are kept too, to be listed.</param>
/// <param name="source">This registry's address, for the events' <c>source</c>.</param>
internal sealed class EventOutbox(ImmutableArray<WebhookReceiver> receivers, bool isKept, Uri? source)
{
    private readonly string _source = source?.AbsoluteUri ?? "urn:mica:registry";

    /// <summary>The outbox of a registry; null when there is nobody to tell and nothing to keep.</summary>
    public static EventOutbox? Of(RegistryServerOptions options, ImmutableArray<WebhookReceiver> receivers) =>
        receivers.IsEmpty && options.EventRetention == TimeSpan.Zero
            ? null
            : new EventOutbox(receivers, options.EventRetention > TimeSpan.Zero, options.PublicAddress);

    public ValueTask PushedAsync(
        SqlSession session, string repository, StoredManifest manifest, ManifestLinks links, ImmutableArray<string> tags, string who, long now) =>
        AddAsync(session, EventKinds.Push, repository, now, writer =>
        {
            writer.WriteString("digest", manifest.Digest.ToString());
            writer.WriteString("mediaType", manifest.MediaType);
            writer.WriteNumber("size", manifest.Content.Length);
            WriteIf(writer, "artifactType", links.ArtifactType);
            WriteIf(writer, "subject", links.Subject?.ToString());
            writer.WriteStartArray("tags");
            foreach (string tag in tags)
            {
                writer.WriteStringValue(tag);
            }

            writer.WriteEndArray();
            writer.WriteString("who", who);
        });

    /// <summary>A tag stands for something else now: <paramref name="was"/> is null for a new one, <paramref name="became"/> for one removed.</summary>
    public ValueTask MovedAsync(SqlSession session, string repository, string tag, Digest? was, Digest? became, string who, long now) =>
        AddAsync(session, EventKinds.Tag, repository, now, writer =>
        {
            writer.WriteString("tag", tag);
            WriteIf(writer, "was", was?.ToString());
            WriteIf(writer, "became", became?.ToString());
            writer.WriteString("who", who);
        });

    public ValueTask RemovedAsync(SqlSession session, string repository, Digest digest, string who, long now) =>
        AddAsync(session, EventKinds.Delete, repository, now, writer =>
        {
            writer.WriteString("digest", digest.ToString());
            writer.WriteString("who", who);
        });

    /// <summary>Pulls are only written for somebody who asked to be told.</summary>
    public ValueTask PulledAsync(SqlSession session, string repository, Digest digest, long count, long now) =>
        receivers.Any(receiver => receiver.Wants(EventKinds.Pull, repository))
            ? AddAsync(session, EventKinds.Pull, repository, now, writer =>
            {
                writer.WriteString("digest", digest.ToString());
                writer.WriteNumber("count", count);
            })
            : ValueTask.CompletedTask;

    private async ValueTask AddAsync(SqlSession session, string kind, string repository, long now, Action<Utf8JsonWriter> data)
    {
        WebhookReceiver[] told = [.. receivers.Where(receiver => receiver.Wants(kind, repository))];
        if (told.Length == 0 && !isKept)
        {
            return;
        }

        string uid = RandomNumberGenerator.GetHexString(32, lowercase: true);
        long id = await EventRows.AddAsync(session, uid, kind, repository, Body(uid, kind, repository, now, data), now);
        foreach (WebhookReceiver receiver in told)
        {
            await EventRows.QueueAsync(session, receiver.Key, repository, id, now);
        }
    }

    /// <summary>CloudEvents 1.0, JSON event format, #2 and #3.</summary>
    private string Body(string uid, string kind, string repository, long now, Action<Utf8JsonWriter> data)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(text, JsonAnswer.Options))
        {
            writer.WriteStartObject();
            writer.WriteString("specversion", "1.0");
            writer.WriteString("id", uid);
            writer.WriteString("source", _source);
            writer.WriteString("type", EventKinds.Prefix + kind);
            writer.WriteString("subject", repository);
            writer.WriteString(
                "time", DateTimeOffset.FromUnixTimeMilliseconds(now).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            writer.WriteString("datacontenttype", "application/json");
            writer.WriteStartObject("data");
            writer.WriteString("repository", repository);
            data(writer);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private static void WriteIf(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }
}
