using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>One move of a tag in a registry that keeps a journal of them.</summary>
/// <param name="Move">Its number there; later moves have larger ones.</param>
/// <param name="Tag">The tag.</param>
/// <param name="At">When.</param>
/// <param name="Who">Whose request it was.</param>
/// <param name="From">What the tag stood for before; null for nothing.</param>
/// <param name="To">What it stood for after; null for nothing.</param>
public sealed record RegistryTagMove(long Move, string Tag, DateTimeOffset At, string Who, Digest? From, Digest? To);

/// <summary>The journal of tags that mica's registry keeps, as an extension of the protocol.</summary>
internal sealed class TagJournal(RepositoryEndpoint endpoint, ImageReference reference)
{
    private const int PageSize = 500;
    private const int MaxPageBytes = 4 << 20;

    /// <summary>The moves, newest first; of all tags without one.</summary>
    public async IAsyncEnumerable<RegistryTagMove> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string filter = reference.Tag is { } tag ? "&tag=" + tag : "";
        long before = long.MaxValue;
        while (true)
        {
            RegistryRequest request = endpoint.Request(
                HttpMethod.Get, $"_mica/journal?n={PageSize}&before={before}{filter}", RegistryAction.List, reference.FamiliarName);
            List<RegistryTagMove> page = await AskAsync(request, Page, cancellationToken);
            foreach (RegistryTagMove move in page)
            {
                if (move.Move >= before)
                {
                    throw Malformed(request);
                }

                before = move.Move;
                yield return move;
            }

            if (page.Count < PageSize)
            {
                yield break;
            }
        }
    }

    /// <summary>Lets the tag stand for what it stood for before, or for <paramref name="target"/>.</summary>
    public Task<RegistryTagMove> UndoAsync(Digest? target, CancellationToken cancellationToken)
    {
        string to = target is { } digest ? "&to=" + Uri.EscapeDataString(digest.ToString()) : "";
        RegistryRequest request = endpoint.Request(
            HttpMethod.Post, $"_mica/undo?tag={reference.Tag}{to}", RegistryAction.Push, endpoint.NameOf(reference.Tag!));
        return AskAsync(request, Move, cancellationToken);
    }

    private Task<T> AskAsync<T>(RegistryRequest request, Func<JsonElement, T> parse, CancellationToken cancellationToken) =>
        endpoint.AskAsync(request, async response =>
        {
            if (!response.IsSuccessStatusCode)
            {
                RegistryException error = await endpoint.ErrorAsync(response, request, cancellationToken);
                throw error.Status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed && error.Codes.IsEmpty
                    ? new RegistryException(ErrorKind.Unsupported, $"{request.Subject.Object}: {endpoint.Host.Name} keeps no journal of tags")
                    : error;
            }

            byte[] body = await BoundedBody.ReadAsync(response, MaxPageBytes, endpoint.Host.Name, cancellationToken) ?? throw Malformed(request);
            try
            {
                using JsonDocument document = JsonDocument.Parse(body);
                return parse(document.RootElement);
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or MicaException)
            {
                throw Malformed(request);
            }
        }, cancellationToken);

    private static List<RegistryTagMove> Page(JsonElement root) => [.. root.GetProperty("moves").EnumerateArray().Select(Move)];

    private static RegistryTagMove Move(JsonElement element) => new(
        element.GetProperty("move").GetInt64(),
        element.GetProperty("tag").GetString()!,
        element.GetProperty("at").GetDateTimeOffset(),
        element.GetProperty("who").GetString()!,
        DigestOf(element.GetProperty("from")),
        DigestOf(element.GetProperty("to")));

    private static Digest? DigestOf(JsonElement element) =>
        element.ValueKind == JsonValueKind.Null ? null : Digest.Parse(element.GetString()!);

    private RegistryException Malformed(RegistryRequest request) => new(
        ErrorKind.ContentMismatch, $"{request.Subject.Object}: the journal of tags from {endpoint.Host.Name} is malformed") { Status = HttpStatusCode.OK };
}
