using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Access;

/// <summary>Logins of people at the web page: a cookie says who it is, and what they may do is asked of the rules each time.</summary>
internal sealed class Sessions(SealedCookies cookies)
{
    private const string Cookie = "mica-session";

    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(8);

    public void Begin(HttpContext context, Principal principal) => cookies.Set(context, Cookie, "/", s_lifetime, writer =>
    {
        writer.WriteString("kind", principal.Kind.ToString());
        writer.WriteString("name", principal.Name);
        writer.WriteString("proof", principal.Proof);
        writer.WriteStartArray("groups");
        foreach (string group in principal.Groups)
        {
            writer.WriteStringValue(group);
        }

        writer.WriteEndArray();
    });

    /// <summary>Who has logged in, as a token would say it; null for nobody. Only what reads is done by a cookie's word.</summary>
    public TokenContent? Read(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            return null;
        }

        return cookies.Read(context, Cookie) is { } session && Enum.TryParse(session.GetProperty("kind").GetString(), out PrincipalKind kind)
            ? new TokenContent(
                kind,
                session.GetProperty("name").GetString()!,
                [.. session.GetProperty("groups").EnumerateArray().Select(group => group.GetString()!)],
                session.GetProperty("proof").GetString(),
                TokenScope.None,
                DateTimeOffset.MaxValue)
            : null;
    }

    public void End(HttpContext context) => cookies.Clear(context, Cookie, "/");
}
