using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mica.SystemTests.Building;

/// <summary>An image as lines of text: what its config says, how it came about, and its files.</summary>
/// <param name="Config">A line for each field that says something.</param>
/// <param name="History">The instructions after those of the base.</param>
/// <param name="Tree">As <see cref="FileTree"/> has them.</param>
public sealed record ImageText(string[] Config, string[] History, string[] Tree)
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The lines of an image config of either format.</summary>
    public static string[] ConfigOf(JsonNode image)
    {
        List<string> lines = [$"platform {image["os"]}/{image["architecture"]}"];
        if ((string?)image["author"] is { Length: > 0 } author)
        {
            lines.Add($"Author {author}");
        }

        JsonNode config = image["config"]!;
        foreach (string field in (ReadOnlySpan<string>)["User", "WorkingDir", "StopSignal"])
        {
            if ((string?)config[field] is { Length: > 0 } text)
            {
                lines.Add($"{field} {text}");
            }
        }

        foreach (string field in (ReadOnlySpan<string>)["Entrypoint", "Cmd", "Shell", "Healthcheck"])
        {
            if (config[field] is JsonArray { Count: > 0 } or JsonObject { Count: > 0 })
            {
                lines.Add($"{field} {config[field]!.ToJsonString(Plain)}");
            }
        }

        foreach (string field in (ReadOnlySpan<string>)["Env", "OnBuild"])
        {
            lines.AddRange((config[field] as JsonArray ?? []).Select(one => $"{field} {one}"));
        }

        foreach (string field in (ReadOnlySpan<string>)["ExposedPorts", "Volumes", "Labels"])
        {
            lines.AddRange((config[field] as JsonObject ?? []).OrderBy(pair => pair.Key, StringComparer.Ordinal)
                .Select(pair => field == "Labels" ? $"{field} {pair.Key}={pair.Value}" : $"{field} {pair.Key}"));
        }

        return [.. lines];
    }

    /// <summary>Each instruction by its name, RUN with its whole command; and whether it made a layer.</summary>
    public static string[] HistoryOf(JsonNode image) => [.. (image["history"] as JsonArray ?? [])
        .Where(entry => (string?)entry!["comment"] != "make-images")
        .Select(entry => ((string?)entry!["created_by"] ?? "", (bool?)entry["empty_layer"] == true))
        .Where(entry => !entry.Item1.Contains("CMD [\"sh\"]", StringComparison.Ordinal) || !entry.Item1.StartsWith("/bin/sh -c #(nop)  ", StringComparison.Ordinal))
        .Select(entry => Instruction(entry.Item1) + (entry.Item2 ? "" : " (layer)"))];

    private static string Instruction(string createdBy)
    {
        const string NoOperation = "/bin/sh -c #(nop) ", BuildKit = " # buildkit";
        string text = createdBy.EndsWith(BuildKit, StringComparison.Ordinal) ? createdBy[..^BuildKit.Length] : createdBy;
        return text.StartsWith(NoOperation, StringComparison.Ordinal) ? text[NoOperation.Length..].TrimStart().Split(' ')[0]
            : text.StartsWith("RUN ", StringComparison.Ordinal) ? text
            : text.Split(' ') is [var word, ..] && word.Length > 0 && word.All(char.IsAsciiLetterUpper) ? word
            : $"RUN {text}";
    }
}
