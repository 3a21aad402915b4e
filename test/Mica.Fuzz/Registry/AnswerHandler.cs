using System.Globalization;
using System.Net;
using System.Text;

namespace Mica.Fuzz.Registry;

/// <summary>
/// The network: gives the answers that are in an input, one after the other, and then 404. An answer is a line with the status,
/// lines with headers, an empty line and the body; <c>%%</c> on a line of its own ends it.
/// </summary>
internal sealed class AnswerHandler(byte[] input) : HttpMessageHandler
{
    /// <summary>More than the client has reason to ask for; it may ask again only a few times for each answer.</summary>
    private const int MaxRequests = 1000;

    private int _at;
    private int _requests;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        FuzzFailure.Unless(++_requests <= MaxRequests, $"more than {MaxRequests} requests");
        if (request.Content is { } content)
        {
            await content.CopyToAsync(Stream.Null, cancellationToken);
        }

        HttpResponseMessage response = Next();
        response.RequestMessage = request;
        return response;
    }

    private HttpResponseMessage Next()
    {
        if (_at >= input.Length)
        {
            return new HttpResponseMessage(HttpStatusCode.NotFound);
        }

        ReadOnlySpan<byte> answer = input.AsSpan(_at);
        int end = answer.IndexOf("\n%%\n"u8);
        answer = end < 0 ? answer : answer[..end];
        _at += answer.Length + 4;

        int split = answer.IndexOf("\n\n"u8);
        string[] head = Encoding.Latin1.GetString(split < 0 ? answer : answer[..split]).Split('\n');
        int status = int.TryParse(head[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 200 and <= 599 ? number : 200;
        var response = new HttpResponseMessage((HttpStatusCode)status) { Content = new ByteArrayContent(split < 0 ? [] : answer[(split + 2)..].ToArray()) };
        foreach (string line in head[1..])
        {
            Add(response, line);
        }

        return response;
    }

    /// <summary>As the runtime's handler does it: what it cannot make sense of stays readable as it came.</summary>
    private static void Add(HttpResponseMessage response, string line)
    {
        int colon = line.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0 || line.AsSpan().ContainsAny('\0', '\r'))
        {
            return;
        }

        string name = line[..colon];
        string value = line[(colon + 1)..].Trim();
        if (!response.Headers.TryAddWithoutValidation(name, value))
        {
            response.Content.Headers.TryAddWithoutValidation(name, value);
        }
    }
}
