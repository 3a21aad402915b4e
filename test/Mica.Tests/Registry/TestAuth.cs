using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Mica.Tests.Registry;

/// <summary>Who may do what at a <see cref="TestRegistry"/>: basic authentication, or a token server at its <c>/token</c>.</summary>
public sealed class TestAuth
{
    private readonly ConcurrentDictionary<string, Token> _tokens = new();
    private int _count;

    /// <summary>Basic authentication in place of tokens.</summary>
    public bool Basic { get; init; }

    public Dictionary<string, string> Users { get; } = new() { ["alice"] = "s3cret" };

    /// <summary>Refresh tokens that the token server takes, with their user.</summary>
    public ConcurrentDictionary<string, string> RefreshTokens { get; } = new();

    /// <summary>Whether <c>(user, repository, action)</c> is allowed; the user is empty for the anonymous. All is, by default.</summary>
    public Func<string, string, string, bool> Allows { get; set; } = (_, _, _) => true;

    /// <summary>How long tokens live.</summary>
    public TimeSpan Lifetime { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether <c>expires_in</c> is sent.</summary>
    public bool SaysLifetime { get; set; } = true;

    /// <summary>The realm in the challenge, in place of this registry's own.</summary>
    public string? Realm { get; set; }

    /// <summary>The whole challenge, in place of the right one.</summary>
    public string? Challenge { get; set; }

    /// <summary>The token server takes GET.</summary>
    public bool TokensByGet { get; set; } = true;

    /// <summary>Whether a refresh token is handed out to who asks with <c>offline_token=true</c>.</summary>
    public bool IssuesRefreshTokens { get; set; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Makes every token that was issued worthless.</summary>
    public void Revoke() => _tokens.Clear();

    internal async Task<bool> AllowsAsync(HttpContext context, Uri address, IEnumerable<(string Name, string Action)> needed)
    {
        (string Name, string Action)[] scopes = [.. needed];
        string authorization = context.Request.Headers.Authorization.ToString();
        string? error = Basic
            ? BasicUser(authorization) is { } user && scopes.All(scope => Allows(user, scope.Name, scope.Action)) ? null : ""
            : BearerError(authorization, scopes);
        if (error is null)
        {
            return true;
        }

        string scope = string.Join(' ', scopes.Select(scope => $"repository:{scope.Name}:{(scope.Action == "push" ? "pull,push" : scope.Action)}"));
        context.Response.Headers.WWWAuthenticate = Challenge ?? (Basic
            ? "Basic realm=\"test registry\""
            : $"Bearer realm=\"{Realm ?? address + "token"}\",service=\"test\""
                + (scope.Length > 0 ? $",scope=\"{scope}\"" : "") + (error.Length > 0 ? $",error=\"{error}\"" : ""));
        await TestRegistryProtocol.ErrorAsync(context, 401, "UNAUTHORIZED", "authentication required");
        return false;
    }

    internal async Task IssueAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        string? user;
        string[] scopes;
        bool offline;
        if (HttpMethods.IsPost(request.Method))
        {
            IFormCollection form = await request.ReadFormAsync();
            user = form["grant_type"] == "refresh_token"
                ? RefreshTokens.GetValueOrDefault(form["refresh_token"].ToString())
                : Users.TryGetValue(form["username"].ToString(), out string? password) && password == form["password"] ? form["username"].ToString() : null;
            scopes = form["scope"].ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries);
            offline = false;
        }
        else if (!TokensByGet)
        {
            context.Response.StatusCode = 405;
            return;
        }
        else
        {
            string authorization = request.Headers.Authorization.ToString();
            user = authorization.Length == 0 ? "" : BasicUser(authorization);
            scopes = [.. request.Query["scope"].SelectMany(text => text!.Split(' '))];
            offline = request.Query["offline_token"] == "true";
        }

        if (user is null)
        {
            context.Response.StatusCode = 401;
            await context.Response.WriteAsync("""{"details":"incorrect username or password"}""");
            return;
        }

        await context.Response.WriteAsync(Issue(user, scopes, offline && IssuesRefreshTokens));
    }

    private string Issue(string user, string[] scopes, bool refresh)
    {
        string token = $"token{Interlocked.Increment(ref _count)}";
        HashSet<(string, string)> granted = [.. scopes
            .Select(scope => scope.Split(':'))
            .SelectMany(parts => parts[^1].Split(',').Select(action => (Name: string.Join(':', parts[1..^1]), Action: action)))
            .Where(scope => Allows(user, scope.Name, scope.Action))];
        _tokens[token] = new Token(granted, Time.GetUtcNow() + Lifetime);
        string expires = SaysLifetime ? string.Create(CultureInfo.InvariantCulture, $",\"expires_in\":{(int)Lifetime.TotalSeconds}") : "";
        string refreshed = "";
        if (refresh)
        {
            RefreshTokens[$"refresh-{user}"] = user;
            refreshed = $",\"refresh_token\":\"refresh-{user}\"";
        }

        return $"{{\"token\":\"{token}\"{expires}{refreshed}}}";
    }

    private string? BasicUser(string authorization)
    {
        if (!authorization.StartsWith("Basic ", StringComparison.Ordinal))
        {
            return null;
        }

        string[] parts = Encoding.UTF8.GetString(Convert.FromBase64String(authorization["Basic ".Length..])).Split(':', 2);
        return Users.TryGetValue(parts[0], out string? password) && password == parts[1] ? parts[0] : null;
    }

    /// <summary>Null: allowed. Empty: no token. Else the error of RFC 6750.</summary>
    private string? BearerError(string authorization, (string Name, string Action)[] scopes)
    {
        if (!authorization.StartsWith("Bearer ", StringComparison.Ordinal))
        {
            return "";
        }

        return !_tokens.TryGetValue(authorization["Bearer ".Length..], out Token? token) || token.Expires < Time.GetUtcNow()
            ? "invalid_token"
            : scopes.All(token.Granted.Contains) ? null : "insufficient_scope";
    }

    private sealed record Token(HashSet<(string, string)> Granted, DateTimeOffset Expires);
}
