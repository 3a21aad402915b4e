using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Cli.Progress;

/// <summary>
/// One JSON object a line in the form of docker's API:
/// <c>{"status":"Downloading","progressDetail":{"current":1,"total":2},"progress":"[=> ] 1B/2B","id":"e756f3fdd6a3"}</c>.
/// </summary>
internal sealed class JsonProgress(TextWriter output, ProgressWords words, TimeProvider time) : ProgressOutput
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly TransferBoard _board = new();
    private readonly Dictionary<string, long> _written = [];

    public override void Report(ProgressEvent value)
    {
        lock (_lock)
        {
            LayerProgress? layer = _board.Apply(value, out bool changed);
            if (TransferBoard.Heading(value, words) is { } heading)
            {
                Write(heading.Status, heading.Id, null);
            }
            else if (TransferBoard.Line(value) is { } line)
            {
                Write(line, null, null);
            }
            else if (layer is not null && (changed || IsDue(layer)))
            {
                _written[layer.Id] = time.GetTimestamp();
                Write(layer.Status(words), layer.Id, layer);
            }
        }
    }

    public override void Line(string status, string? id = null)
    {
        lock (_lock)
        {
            Write(status, id, null);
        }
    }

    private bool IsDue(LayerProgress layer) =>
        layer.Moves && (!_written.TryGetValue(layer.Id, out long last) || time.GetElapsedTime(last) >= s_interval);

    private void Write(string status, string? id, LayerProgress? layer)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("status"u8, status);
            if (layer is not null)
            {
                writer.WriteStartObject("progressDetail"u8);
                if (layer.Moves)
                {
                    writer.WriteNumber("current"u8, layer.Current);
                    writer.WriteNumber("total"u8, layer.Size);
                }

                writer.WriteEndObject();
                if (layer.Moves)
                {
                    writer.WriteString("progress"u8, ProgressBar.Of(layer.Current, layer.Size, ProgressBar.FullLength));
                }
            }

            if (id is not null)
            {
                writer.WriteString("id"u8, id);
            }

            writer.WriteEndObject();
        }

        output.Write(Encoding.UTF8.GetString(buffer.WrittenSpan));
        output.Write('\n');
        output.Flush();
    }
}
