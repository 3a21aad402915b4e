using System.Globalization;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Protocol;

/// <summary>
/// Every move of a tag, and the way back: <c>GET /v2/NAME/_mica/journal?tag=TAG&amp;n=COUNT&amp;before=MOVE</c>, newest first,
/// and <c>POST /v2/NAME/_mica/undo?tag=TAG&amp;to=DIGEST</c>. The path is in the form that OCI distribution-spec has for
/// extensions (extensions/README.md).
/// </summary>
internal sealed class JournalEndpoint(MetadataDatabase metadata, ManifestStore manifests)
{
    private const long MaxCount = 1000;

    public async Task ListAsync(ProtocolRequest request)
    {
        if (request.Request.Method is not ("GET" or "HEAD"))
        {
            throw request.MethodNotAllowed("GET, HEAD");
        }

        string? tag = request.Query("tag");
        long count = Math.Min(Number(request, "n") ?? MaxCount, MaxCount);
        List<TagMove> moves = await metadata.ReadAsync(
            session => TagRows.JournalAsync(session, request.Repository, tag, Number(request, "before") ?? long.MaxValue, count + 1), request.Aborted);
        if (moves.Count > count)
        {
            moves.RemoveRange((int)count, moves.Count - (int)count);
            if (moves is [.., var oldest])
            {
                string filter = tag is null ? "" : $"&tag={Uri.EscapeDataString(tag)}";
                request.Response.Headers.Link = $"</v2/{request.Repository}/_mica/journal?n={count}&before={oldest.Id}{filter}>; rel=\"next\"";
            }
        }

        await JsonAnswer.SendAsync(request.Context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("name", request.Repository);
            writer.WriteStartArray("moves");
            foreach (TagMove move in moves)
            {
                Write(writer, move);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    public async Task UndoAsync(ProtocolRequest request)
    {
        if (request.Request.Method != "POST")
        {
            throw request.MethodNotAllowed("POST");
        }

        string tag = request.Query("tag") is { } text && Route.IsTag(text)
            ? text
            : throw new RefusedException(ErrorCode.ManifestInvalid, "the query parameter tag is missing, or is no tag");
        Digest? target = request.Query("to") is { } to ? ProtocolRequest.ParseDigest(to) : null;
        TagMove move = await manifests.UndoAsync(request.Repository, tag, target, request.Principal.Name, request.Aborted);
        await JsonAnswer.SendAsync(request.Context, writer => Write(writer, move));
    }

    private static long? Number(ProtocolRequest request, string name) =>
        request.Query(name) is not { } text ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number
        : throw new RefusedException(ErrorCode.PaginationInvalid, $"{name} has to be a number, not \"{Printable.Of(text)}\"");

    private static void Write(Utf8JsonWriter writer, TagMove move)
    {
        writer.WriteStartObject();
        writer.WriteNumber("move", move.Id);
        writer.WriteString("tag", move.Tag);
        writer.WriteString("at", DateTimeOffset.FromUnixTimeMilliseconds(move.Moved));
        writer.WriteString("who", move.Who);
        writer.WriteString("from", move.Was?.ToString());
        writer.WriteString("to", move.Became?.ToString());
        writer.WriteEndObject();
    }
}
