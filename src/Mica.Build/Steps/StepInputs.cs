using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Mica.Oci;

namespace Mica.Build;

/// <summary>
/// What goes into a step, piece by piece, each with a name for people. The same pieces give the same result, so that their
/// digest is the key of the step's record; of two builds they tell which piece differs.
/// </summary>
internal sealed partial class StepInputs
{
    private const int MaxShown = 100;

    private readonly List<(string Name, string Value)> _pieces = [];

    public void Add(string name, string value) => _pieces.Add((name, value));

    /// <summary>The pieces as JSON, and its digest.</summary>
    public (string Json, Digest Key) Finish()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartArray();
            foreach ((string name, string value) in _pieces)
            {
                writer.WriteStartArray();
                writer.WriteStringValue(name);
                writer.WriteStringValue(value);
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        return (System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan), Digest.Of(buffer.WrittenSpan));
    }

    /// <summary>The pieces of a record.</summary>
    public static IReadOnlyList<(string Name, string Value)> Read(string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateArray().Select(pair => (pair[0].GetString()!, pair[1].GetString()!))];
    }

    /// <summary>The first piece that differs, in a sentence; null when none does.</summary>
    public static string? Compare(string before, string after)
    {
        IReadOnlyList<(string Name, string Value)> old = Read(before), current = Read(after);
        var oldValues = old.GroupBy(piece => piece.Name).ToDictionary(group => group.Key, group => group.First().Value);
        foreach ((string name, string value) in current)
        {
            if (!oldValues.TryGetValue(name, out string? was))
            {
                return $"{name} is new";
            }

            if (was != value)
            {
                return $"{name} changed, {Short(was)} → {Short(value)}";
            }
        }

        var names = current.Select(piece => piece.Name).ToHashSet();
        return old.Where(piece => !names.Contains(piece.Name)).Select(piece => $"{piece.Name} is gone").FirstOrDefault();
    }

    /// <summary>Digests are cut, and of long texts the beginning is shown.</summary>
    private static string Short(string value)
    {
        string text = DigestPattern().Replace(value, match => match.Groups[1].Value[..12]);
        return Printable.Of(text.Length > MaxShown ? text[..MaxShown] + "…" : text);
    }

    [GeneratedRegex("(?:sha256:)?([0-9a-f]{64})")]
    private static partial Regex DigestPattern();
}
