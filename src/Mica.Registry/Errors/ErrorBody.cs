using System.Collections.Immutable;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// What the body of an error says: the registry's <c>errors</c> list (distribution-spec v1.1, #error-codes), an OAuth2
/// error (RFC 6749 section 5.2), or the odd forms of token servers. Texts are fit for a message.
/// </summary>
internal sealed record ErrorBody(ImmutableArray<string> Codes, string Message)
{
    /// <summary>An error page may be anything; this much of it is read.</summary>
    private const int MaxSize = 64 << 10;

    private const int MaxCodes = 16;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public static ErrorBody Empty { get; } = new([], "");

    /// <summary>Reads the body, at most 64 KiB of it. A body that cannot be read is an empty one: the status is what counts.</summary>
    public static async Task<ErrorBody> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using var guard = new StallGuard(s_patience, cancellationToken);
        try
        {
            byte[] buffer = new byte[MaxSize];
            await using Stream stream = await response.Content.ReadAsStreamAsync(guard.Token);
            int count = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, guard.Token);
            return Parse(buffer.AsSpan(0, count));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Empty;
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            return Empty;
        }
    }

    public static ErrorBody Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = 16 });
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind == JsonValueKind.Object ? Parse(document.RootElement) : Empty;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // An HTML page of a proxy, say, or strings that are no text: nothing in it is worth a line.
            return Empty;
        }
    }

    private static ErrorBody Parse(JsonElement root)
    {
        if (!root.TryGetProperty("errors", out JsonElement errors) || errors.ValueKind != JsonValueKind.Array)
        {
            string code = Text(root, "error") ?? Text(root, "code") ?? "";
            string message = Text(root, "error_description") ?? Text(root, "details") ?? Text(root, "message") ?? code;
            return new ErrorBody(code.Length > 0 ? [code] : [], message);
        }

        JsonElement[] objects = [.. errors.EnumerateArray().Take(MaxCodes).Where(error => error.ValueKind == JsonValueKind.Object)];
        ImmutableArray<string> codes = [.. objects.Select(error => Text(error, "code")).OfType<string>()];
        return new ErrorBody(codes, objects.Select(error => Text(error, "message")).FirstOrDefault(text => text is not null) ?? "");
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? Printable.Of(text)
            : null;
}
