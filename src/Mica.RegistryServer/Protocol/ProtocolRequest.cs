using System.Globalization;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Upstream;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Mica.RegistryServer.Protocol;

/// <summary>One request of the protocol: where it goes, whose it is, and what its headers say.</summary>
internal sealed class ProtocolRequest(HttpContext context, Route route, Principal principal)
{
    public HttpContext Context => context;

    public HttpRequest Request => context.Request;

    public HttpResponse Response => context.Response;

    public CancellationToken Aborted => context.RequestAborted;

    public Route Route => route;

    public string Repository => route.Repository;

    public Principal Principal => principal;

    /// <summary>The repository of another registry that is meant; null for one of this registry.</summary>
    public UpstreamRepository? Upstream { get; init; }

    /// <summary>The digest at the end of the path.</summary>
    public Digest Digest => ParseDigest(route.Reference);

    /// <summary>The announced length of the body; null when it comes in pieces.</summary>
    public long? BodyLength => Request.ContentLength ?? (Request.Headers.TransferEncoding.Count > 0 ? null : 0);

    /// <summary>The first byte of <c>Content-Range: START-END</c>, checked against the length; null without the header.</summary>
    public long? ContentRangeStart
    {
        get
        {
            string? text = Request.Headers.ContentRange;
            if (string.IsNullOrEmpty(text))
            {
                return null;
            }

            // The specification has START-END; some clients send what HTTP has, "bytes START-END/*".
            string range = text.StartsWith("bytes ", StringComparison.OrdinalIgnoreCase) ? text[6..] : text;
            range = range.Split('/')[0];
            string[] ends = range.Split('-');
            if (ends.Length != 2
                || !long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out long start)
                || !long.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out long end)
                || end < start - 1)
            {
                throw new RefusedException(ErrorCode.RangeInvalid, $"invalid Content-Range: {Printable.Of(text)}");
            }

            if (BodyLength is { } length && length != end - start + 1)
            {
                throw new RefusedException(
                    ErrorCode.SizeInvalid, $"Content-Range {Printable.Of(text)} does not go with Content-Length {length}");
            }

            return start;
        }
    }

    /// <summary>A value of the query; null when it is missing or empty.</summary>
    public string? Query(string name) => Request.Query.TryGetValue(name, out var values) && values is [{ Length: > 0 } value, ..] ? value : null;

    /// <summary>The digest that the query must have.</summary>
    public Digest QueryDigest(string name) => ParseDigest(
        Query(name) ?? throw new RefusedException(ErrorCode.DigestInvalid, $"the query parameter {name} is missing"));

    public static Digest ParseDigest(string text) => Digest.TryParse(text, out Digest digest)
        ? digest
        : throw new RefusedException(ErrorCode.DigestInvalid, $"invalid digest format: \"{Printable.Of(text)}\"");

    public void SetDigest(Digest digest) => Response.Headers["Docker-Content-Digest"] = digest.ToString();

    /// <summary>The client has what <paramref name="tag"/> stands for, by <c>If-None-Match</c>. RFC 9110, section 13.1.2.</summary>
    public bool HasAlready(string tag)
    {
        StringValues condition = Request.Headers.IfNoneMatch;
        return condition.Count > 0
            && (condition == tag
                || (EntityTagHeaderValue.TryParseList(condition, out IList<EntityTagHeaderValue>? tags)
                    && tags.Any(one => one.Tag == "*" || one.Tag == tag)));
    }

    public RefusedException MethodNotAllowed(string allowed)
    {
        Response.Headers.Allow = allowed;
        return new RefusedException(ErrorCode.MethodNotAllowed, $"{Printable.Of(Request.Method)} is not supported here; {allowed} is");
    }
}
