using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>The tags of a repository, page by page (distribution-spec v1.1, #listing-tags).</summary>
internal sealed class TagList(RepositoryEndpoint endpoint, ImageReference reference)
{
    private const int PageSize = 1000;
    private const int MaxPageBytes = 16 << 20;
    private const int MaxTags = 1_000_000;

    public async IAsyncEnumerable<string> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        RegistryRequest request = endpoint.Request(HttpMethod.Get, $"tags/list?n={PageSize}", RegistryAction.List, reference.FamiliarName);
        var seen = new HashSet<string>(StringComparer.Ordinal) { request.Target };
        for (int count = 0; ;)
        {
            (List<string> tags, Uri? next) = await PageAsync(request, cancellationToken);
            foreach (string tag in tags)
            {
                yield return tag;
            }

            count += tags.Count;
            if (next is null)
            {
                yield break;
            }

            // A page twice, or pages without end, is a registry at fault or one that means us harm.
            if (!HttpExchange.IsSameOrigin(next, endpoint.Host.Address) || !seen.Add(next.PathAndQuery) || tags.Count == 0 || count > MaxTags)
            {
                throw new RegistryException(ErrorKind.ContentMismatch, $"{request.Subject.Object}: the list of tags from {endpoint.Host.Name} does not end");
            }

            request = request with { Target = next.PathAndQuery };
        }
    }

    private Task<(List<string> Tags, Uri? Next)> PageAsync(RegistryRequest request, CancellationToken cancellationToken) =>
        endpoint.AskAsync(request, async response =>
        {
            await endpoint.CheckAsync(response, request, cancellationToken);
            byte[] body = await BoundedBody.ReadAsync(response, MaxPageBytes, endpoint.Host.Name, cancellationToken)
                ?? throw Malformed(request, "is too big");
            return (Parse(body, request), NextOf(response));
        }, cancellationToken);

    /// <summary>The next page, on this registry; behind a proxy that ends TLS the link has the wrong scheme, and only the path counts.</summary>
    private Uri? NextOf(HttpResponseMessage response) =>
        LinkHeader.Next(response) is not { } next ? null
        : string.Equals(next.IdnHost, endpoint.Host.Address.IdnHost, StringComparison.OrdinalIgnoreCase) ? endpoint.Host.At(next.PathAndQuery)
        : next;

    private List<string> Parse(byte[] body, RegistryRequest request)
    {
        List<string> tags = [];
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            // A repository without tags has null here.
            if (document.RootElement.TryGetProperty("tags", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
            {
                foreach (JsonElement item in list.EnumerateArray())
                {
                    // The same grammar as for what a user types; the error says what is wrong with it.
                    tags.Add(reference.WithTag(item.GetString() ?? "").Tag!);
                }
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or MicaException)
        {
            throw Malformed(request, $"is malformed{(error is MicaException ? ": " + error.Message : "")}");
        }

        return tags;
    }

    private RegistryException Malformed(RegistryRequest request, string what) =>
        new(ErrorKind.ContentMismatch, $"{request.Subject.Object}: the list of tags from {endpoint.Host.Name} {what}") { Status = HttpStatusCode.OK };
}
