using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Protocol;

/// <summary>Answers that are JSON documents, written as they are.</summary>
internal static class JsonAnswer
{
    public static JsonWriterOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task SendAsync(
        HttpContext context, Action<Utf8JsonWriter> write, string contentType = "application/json", int status = StatusCodes.Status200OK)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(text, Options))
        {
            write(writer);
        }

        HttpResponse response = context.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        response.ContentLength = text.WrittenCount;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(text.WrittenMemory, context.RequestAborted);
        }
    }

    /// <summary>An error in the form of OCI distribution-spec v1.1, #error-codes.</summary>
    public static Task SendErrorAsync(HttpContext context, int status, string code, string message)
    {
        // What was said of the content that was to come is not true of the error.
        IHeaderDictionary headers = context.Response.Headers;
        headers.ETag = default;
        headers.CacheControl = default;
        headers.AcceptRanges = default;
        headers["Docker-Content-Digest"] = default;
        if (status != StatusCodes.Status416RangeNotSatisfiable)
        {
            headers.ContentRange = default;
        }

        return SendAsync(
            context,
            writer =>
            {
                writer.WriteStartObject();
                writer.WriteStartArray("errors");
                writer.WriteStartObject();
                writer.WriteString("code", code);
                writer.WriteString("message", message);
                writer.WriteEndObject();
                writer.WriteEndArray();
                writer.WriteEndObject();
            },
            status: status);
    }
}
