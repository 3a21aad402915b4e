using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mica.Build;
using Mica.Cli.Rendering;
using Mica.Oci;

namespace Mica.Cli.Building;

/// <summary>
/// One JSON object for every event, in the form of BuildKit's <c>rawjson</c>: <c>vertexes</c>, <c>statuses</c> and
/// <c>logs</c>, and <c>explanations</c> besides.
/// </summary>
internal sealed class JsonBuildProgress(TextWriter output, TimeProvider time) : BuildProgress
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, (string Digest, string Name, string Started)> _steps = [];

    public override void Report(BuildEvent value)
    {
        lock (_lock)
        {
            string now = HumanTime.Rfc3339Nano(time.GetUtcNow());
            switch (value)
            {
                case StepStarted started:
                    // What BuildKit calls a digest names the step within the output, and nothing else.
                    string id = Digest.Of(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{started.Step} {started.Name}"))).ToString();
                    _steps[started.Step] = (id, started.Name, now);
                    Vertex(started.Step, null, isCached: false, null);
                    break;
                case StepCached cached:
                    Vertex(cached.Step, now, isCached: true, null);
                    break;
                case StepCompleted completed:
                    Vertex(completed.Step, now, isCached: false, null);
                    break;
                case StepFailed failed:
                    Vertex(failed.Step, now, isCached: false, failed.IsCancelled ? "context canceled" : failed.Message);
                    break;
                case StepOutput log:
                    Item("logs", log.Step, writer =>
                    {
                        writer.WriteNumber("stream", log.IsError ? 2 : 1);
                        writer.WriteBase64String("data", log.Bytes.Span);
                        writer.WriteString("timestamp", now);
                    });
                    break;
                case StepNotice notice:
                    Status(notice.Step, notice.Text, null, now);
                    break;
                case StepExplained explained:
                    Item("explanations", explained.Step, writer => writer.WriteString("reason", explained.Reason));
                    break;
                case StepProgress { Progress: BlobTransferred moved } transfer:
                    Status(transfer.Step, moved.Descriptor.Digest.ToString(), (moved.Current, moved.Descriptor.Size), now);
                    break;
                case StepProgress transfer when BuildText.Line(transfer.Progress) is { } line:
                    Status(transfer.Step, line, null, now);
                    break;
            }
        }
    }

    private void Vertex(int step, string? completed, bool isCached, string? error)
    {
        (string digest, string name, string started) = _steps.GetValueOrDefault(step);
        Write("vertexes", writer =>
        {
            writer.WriteString("digest", digest);
            writer.WriteString("name", name);
            writer.WriteString("started", started);
            if (completed is not null)
            {
                writer.WriteString("completed", completed);
            }

            if (isCached)
            {
                writer.WriteBoolean("cached", true);
            }

            if (error is not null)
            {
                writer.WriteString("error", error);
            }
        });
    }

    private void Status(int step, string id, (long Current, long Total)? moved, string now) => Item("statuses", step, writer =>
    {
        writer.WriteString("id", id);
        if (moved is { } amount)
        {
            writer.WriteNumber("total", amount.Total);
            writer.WriteNumber("current", amount.Current);
        }

        writer.WriteString("timestamp", now);
    });

    private void Item(string kind, int step, Action<Utf8JsonWriter> content) => Write(kind, writer =>
    {
        writer.WriteString("vertex", _steps.GetValueOrDefault(step).Digest);
        content(writer);
    });

    private void Write(string kind, Action<Utf8JsonWriter> content)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteStartArray(kind);
            writer.WriteStartObject();
            content(writer);
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        output.Write(Encoding.UTF8.GetString(buffer.WrittenSpan));
        output.Write('\n');
        output.Flush();
    }
}
