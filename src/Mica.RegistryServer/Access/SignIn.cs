using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Mica.RegistryServer.Access;

/// <summary>
/// <c>/login</c>, <c>/login/callback</c> and <c>/logout</c>: people log in at the OpenID Connect provider. OpenID Connect Core
/// 1.0, section 3.1 (authorization code), with PKCE (RFC 7636) and the checks of RFC 9700.
/// </summary>
internal sealed class SignIn(
    OpenIdIssuer openId, SealedCookies cookies, Sessions sessions, UserGroups groups, Challenges challenges, RemoteDocuments documents)
{
    private const string Cookie = "mica-login";
    private const string Path = "/login";
    private const string Callback = "/login/callback";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    public Task HandleAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        return (context.Request.Method, context.Request.Path.Value) switch
        {
            ("GET", Path) => BeginAsync(context),
            ("GET", Callback) => EndAsync(context),
            ("GET" or "POST", "/logout") => LogOut(context),
            _ => throw new RefusedException(ErrorCode.MethodNotAllowed, $"{Printable.Of(context.Request.Method)} is not supported here"),
        };
    }

    /// <summary>An address of this registry to go back to; anything that a browser might take for another place is not.</summary>
    public static string Local(string? path) =>
        path is ['/', ..] && path is not ['/', '/' or '\\', ..] && path.Length < 1024 && !path.Any(c => char.IsControl(c) || c == '\\' || c > 126) ? path : "/";

    private async Task BeginAsync(HttpContext context)
    {
        OpenIdConnectConfiguration configuration = await openId.ConfigurationAsync(context.RequestAborted);
        string state = Random(), nonce = Random(), verifier = Random();
        cookies.Set(context, Cookie, Path, s_patience, writer =>
        {
            writer.WriteString("state", state);
            writer.WriteString("nonce", nonce);
            writer.WriteString("verifier", verifier);
            writer.WriteString("return", Local(context.Request.Query["return"]));
        });
        context.Response.Redirect(QueryHelpers.AddQueryString(configuration.AuthorizationEndpoint, new Dictionary<string, string?>
        {
            ["response_type"] = "code",
            ["client_id"] = openId.Options.ClientId,
            ["redirect_uri"] = RedirectAddress(context),
            ["scope"] = configuration.ScopesSupported.Contains("groups") ? "openid profile email groups" : "openid profile email",
            ["state"] = state,
            ["nonce"] = nonce,
            ["code_challenge"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier))),
            ["code_challenge_method"] = "S256",
        }));
    }

    private async Task EndAsync(HttpContext context)
    {
        JsonElement? login = cookies.Read(context, Cookie);
        cookies.Clear(context, Cookie, Path);
        Caller.Of(context).HasCredential = true;
        IQueryCollection query = context.Request.Query;
        if (login is not { } begun || !IsSame(begun.GetProperty("state").GetString()!, query["state"].ToString()))
        {
            throw new RefusedException(ErrorCode.Unauthorized, "the login was not begun here, or too long ago; begin again at /login");
        }

        if (query["error"] is [{ } refusal])
        {
            throw new RefusedException(ErrorCode.Unauthorized, $"the provider refused the login: {Printable.Of(refusal)}");
        }

        OpenIdConnectConfiguration configuration = await openId.ConfigurationAsync(context.RequestAborted);
        if (query["iss"] is [{ } issuer] && issuer != configuration.Issuer)
        {
            throw new RefusedException(ErrorCode.Unauthorized, "the answer is that of another provider");
        }

        string token = await ExchangeAsync(context, configuration, query["code"].ToString(), begun.GetProperty("verifier").GetString()!);
        Principal principal = await openId.ReadAsync(token, begun.GetProperty("nonce").GetString(), context.RequestAborted)
            ?? throw new RefusedException(ErrorCode.Unauthorized, "the provider's ID token is not good, or names nobody");
        principal = groups.Of(principal);
        Caller.Of(context).Principal = principal;
        sessions.Begin(context, principal);
        context.Response.Redirect(begun.GetProperty("return").GetString()!);
    }

    private Task LogOut(HttpContext context)
    {
        sessions.End(context);
        context.Response.Redirect("/");
        return Task.CompletedTask;
    }

    /// <summary>Gets the ID token for the code.</summary>
    private async Task<string> ExchangeAsync(HttpContext context, OpenIdConnectConfiguration configuration, string code, string verifier)
    {
        var form = new List<KeyValuePair<string, string>>
        {
            new("grant_type", "authorization_code"),
            new("code", code),
            new("redirect_uri", RedirectAddress(context)),
            new("client_id", openId.Options.ClientId),
            new("code_verifier", verifier),
        };
        (string, string)? client = null;
        if (openId.Options.ClientSecretFile is { } file)
        {
            string secret = (await documents.ReadAsync(file, context.RequestAborted)).Trim();
            bool byForm = configuration.TokenEndpointAuthMethodsSupported is { Count: > 0 } methods && !methods.Contains("client_secret_basic");
            if (byForm)
            {
                form.Add(new("client_secret", secret));
            }
            else
            {
                client = (openId.Options.ClientId, secret);
            }
        }

        string answer = await documents.PostAsync(new Uri(configuration.TokenEndpoint), form, client, context.RequestAborted);
        try
        {
            using var document = JsonDocument.Parse(answer);
            return document.RootElement.GetProperty("id_token").GetString() ?? "";
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new RefusedException(ErrorCode.Unauthorized, "the provider gave no ID token");
        }
    }

    private string RedirectAddress(HttpContext context) => challenges.BaseOf(context.Request) + Callback;

    private static string Random() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    private static bool IsSame(string one, string other) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));
}
