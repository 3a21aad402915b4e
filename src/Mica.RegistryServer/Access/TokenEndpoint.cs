using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mica.Oci;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace Mica.RegistryServer.Access;

/// <summary>
/// <c>/token</c>: gives tokens for what is asked for, as far as the asker may do it. Docker registry token authentication,
/// token.md (GET) and oauth.md (POST).
/// </summary>
internal sealed class TokenEndpoint(
    Authenticator authenticator, RegistryTokens tokens, AccessPolicy policy, Challenges challenges, RequestLimits limits, TimeProvider time)
{
    private const int MaxForm = 64 << 10;

    public async Task HandleAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        switch (context.Request.Method)
        {
            case "GET":
                await AnswerAsync(context, context.Request.Query, c => authenticator.AuthenticateForTokenAsync(c), "offline_token", "true");
                break;
            case "POST":
                IReadOnlyDictionary<string, StringValues> form = await ReadFormAsync(context);
                await AnswerAsync(context, new QueryCollection(form.ToDictionary()), c => GrantAsync(c, form), "access_type", "offline");
                break;
            default:
                context.Response.Headers.Allow = "GET, POST";
                throw new RefusedException(ErrorCode.MethodNotAllowed, $"{Printable.Of(context.Request.Method)} is not supported here; GET, POST is");
        }
    }

    private async Task AnswerAsync(
        HttpContext context, IQueryCollection parameters, Func<HttpContext, Task<Principal>> authenticate, string offline, string isOffline)
    {
        Principal principal;
        try
        {
            principal = await authenticate(context);
        }
        catch (RefusedException refused) when (refused.Code == ErrorCode.Unauthorized)
        {
            limits.Take(Principal.Anonymous, context);
            challenges.SetBasic(context);
            throw;
        }

        Caller.Of(context).Principal = principal;
        limits.Take(principal, context);
        string service = parameters["service"].ToString();
        if (service.Length > 0 && service != tokens.Audience)
        {
            throw new RefusedException(ErrorCode.BadRequest, $"this is not the service \"{Printable.Of(service)}\"");
        }

        TokenScope granted = Granted(principal, TokenScope.Parse(parameters["scope"]));
        string token = tokens.Issue(principal, granted);
        string? refresh = parameters[offline] == isOffline && principal.Proof is not null ? tokens.IssueRefresh(principal) : null;
        await JsonAnswer.SendAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("token", token);
            writer.WriteString("access_token", token);
            writer.WriteString("token_type", "Bearer");
            writer.WriteString("scope", Text(granted));
            writer.WriteNumber("expires_in", (long)tokens.Lifetime.TotalSeconds);
            writer.WriteString("issued_at", time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
            if (refresh is not null)
            {
                writer.WriteString("refresh_token", refresh);
            }

            writer.WriteEndObject();
        });
    }

    /// <summary>What is asked for, cut down to what the rules allow.</summary>
    private TokenScope Granted(Principal principal, TokenScope asked)
    {
        var grants = asked.Grants
            .Select(grant => grant with { Rights = grant.Rights & policy.Of(principal, grant.Repository) })
            .Where(grant => grant.Rights != Rights.None)
            .ToImmutableArray();
        return new TokenScope(grants, asked.HasCatalog && (!principal.IsAnonymous || policy.IsPublic));
    }

    private static string Text(TokenScope scope)
    {
        IEnumerable<string> scopes = scope.Grants.Select(grant => $"repository:{grant.Repository}:{string.Join(',', TokenScope.ActionsOf(grant.Rights))}");
        return string.Join(' ', scope.HasCatalog ? scopes.Append("registry:catalog:*") : scopes);
    }

    private async Task<Principal> GrantAsync(HttpContext context, IReadOnlyDictionary<string, StringValues> form)
    {
        string Field(string name) => form.TryGetValue(name, out StringValues values) && values is [{ } value, ..] ? value : "";
        switch (Field("grant_type"))
        {
            case "password":
                return await authenticator.CheckAsync(context, BasicCredential.Of(Field("username"), Field("password")));
            case "refresh_token":
                Caller.Of(context).HasCredential = true;
                return await tokens.ReadRefreshAsync(Field("refresh_token")) is { } token
                    && await authenticator.ResolveAsync(token, context.RequestAborted) is { } owner
                    ? owner
                    : throw new RefusedException(ErrorCode.Unauthorized, "the refresh token is not good, or no longer; log in again");
            default:
                throw new RefusedException(ErrorCode.BadRequest, "grant_type has to be password or refresh_token");
        }
    }

    private static async Task<IReadOnlyDictionary<string, StringValues>> ReadFormAsync(HttpContext context)
    {
        if (context.Request.ContentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) != true)
        {
            throw new RefusedException(ErrorCode.Unsupported, "the body has to be application/x-www-form-urlencoded");
        }

        byte[] body = new byte[MaxForm + 1];
        int length = await context.Request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, context.RequestAborted);
        return length > MaxForm
            ? throw new RefusedException(ErrorCode.TooLarge, $"more than {MaxForm} bytes")
            : QueryHelpers.ParseQuery(Encoding.UTF8.GetString(body, 0, length));
    }
}
