using System.Buffers;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Access;

/// <summary>
/// Who changed what, and who was refused: a line of JSON each, in a file or in the log. The file is opened for each line, so
/// that it can be moved away at any time. Neither queries nor headers are in it.
/// </summary>
internal sealed partial class AuditLog(string? path, TimeProvider time, ILogger<AuditLog> log)
{
    private readonly Lock _lock = new();

    /// <summary>Notes how a request was answered, if that is worth it.</summary>
    public void Add(HttpContext context)
    {
        HttpRequest request = context.Request;
        int status = context.Response.StatusCode;
        var caller = Caller.Of(context);
        if (!IsChange(request, status) && !IsRefusal(status, caller))
        {
            return;
        }

        string who = Printable.Of(caller.Principal?.Name ?? caller.Claimed ?? AccessRule.Anybody);
        string address = context.Connection.RemoteIpAddress?.ToString() ?? "";
        string target = Printable.Of(request.Path.Value);
        string method = Printable.Of(request.Method);
        if (path is null)
        {
            Noted(log, who, address, method, target, status);
            return;
        }

        var line = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(line, JsonAnswer.Options))
        {
            writer.WriteStartObject();
            writer.WriteString("time", time.GetUtcNow().UtcDateTime);
            writer.WriteString("who", who);
            writer.WriteString("address", address);
            writer.WriteString("method", method);
            writer.WriteString("path", target);
            writer.WriteNumber("status", status);
            writer.WriteEndObject();
        }

        line.Write("\n"u8);
        Append(line.WrittenSpan);
    }

    /// <summary>Bytes on their way into a blob are no change yet; the request that completes it is.</summary>
    private static bool IsChange(HttpRequest request, int status) =>
        request.Method is not ("GET" or "HEAD" or "OPTIONS") && status is >= 200 and < 300
        && !(status == StatusCodes.Status202Accepted && request.Method is "POST" or "PATCH")
        && request.Path.StartsWithSegments("/v2");

    /// <summary>A client that has yet to learn that it needs a password was not refused anything.</summary>
    private static bool IsRefusal(int status, Caller caller) => status switch
    {
        StatusCodes.Status401Unauthorized => caller.HasCredential,
        StatusCodes.Status403Forbidden or StatusCodes.Status429TooManyRequests => true,
        _ => false,
    };

    private void Append(ReadOnlySpan<byte> line)
    {
        try
        {
            lock (_lock)
            {
                using var file = new FileStream(path!, new FileStreamOptions
                {
                    Mode = FileMode.Append,
                    Access = FileAccess.Write,
                    Share = FileShare.ReadWrite | FileShare.Delete,
                    BufferSize = 0,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                });
                file.Write(line);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Failed(log, path!, Printable.Of(error.Message));
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Who} from {Address}: {Method} {Path}: {Status}")]
    private static partial void Noted(ILogger log, string who, string address, string method, string path, int status);

    [LoggerMessage(Level = LogLevel.Error, Message = "{File}: the audit log cannot be written: {Reason}")]
    private static partial void Failed(ILogger log, string file, string reason);
}
