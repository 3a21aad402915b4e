using System.Collections.Specialized;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Web;
using Microsoft.IdentityModel.Tokens;

namespace Mica.Tests.RegistryServer.Access;

/// <summary>An OpenID Connect provider and issuer of tokens on loopback, whose only user always agrees; its tokens are real.</summary>
internal sealed class FakeIssuer : IAsyncDisposable
{
    public const string ClientId = "registry";
    public const string Secret = "client secret of the test";

    private readonly HttpListener _listener = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly Task _serving;
    private NameValueCollection _asked = [];

    public FakeIssuer()
    {
        // HttpListener cannot take a free port by itself.
        for (int attempt = 0; ; attempt++)
        {
            Address = new Uri($"http://127.0.0.1:{RandomNumberGenerator.GetInt32(20_000, 60_000)}/");
            _listener.Prefixes.Clear();
            _listener.Prefixes.Add(Address.AbsoluteUri);
            try
            {
                _listener.Start();
                break;
            }
            catch (HttpListenerException) when (attempt < 20)
            {
            }
        }

        _serving = Task.Run(ServeAsync);
    }

    public Uri Address { get; }

    public string Issuer => Address.AbsoluteUri.TrimEnd('/');

    public string KeyId { get; set; } = "first";

    public int KeyRequests { get; private set; }

    /// <summary>The nonce that ID tokens get in place of the one that was asked for.</summary>
    public string? OtherNonce { get; set; }

    /// <summary>What the browser is sent to, as the provider sees it; answers where the browser is sent back to.</summary>
    public string Agree(Uri address)
    {
        _asked = HttpUtility.ParseQueryString(address.Query);
        Assert.Equal("code", _asked["response_type"]);
        Assert.Equal("S256", _asked["code_challenge_method"]);
        return $"{new Uri(_asked["redirect_uri"]!).PathAndQuery}?code=the-code&state={Uri.EscapeDataString(_asked["state"]!)}&iss={Uri.EscapeDataString(Issuer)}";
    }

    public string Sign(string claims, ECDsa? key = null, int minutes = 5)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        string header = $$"""{"alg":"ES256","typ":"JWT","kid":"{{KeyId}}"}""";
        string payload = $$"""{"iss":"{{Issuer}}","iat":{{now.ToUnixTimeSeconds()}},"exp":{{now.AddMinutes(minutes).ToUnixTimeSeconds()}},{{claims}}}""";
        string text = $"{Base64UrlEncoder.Encode(header)}.{Base64UrlEncoder.Encode(payload)}";
        return $"{text}.{Base64UrlEncoder.Encode((key ?? _key).SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256))}";
    }

    public string Keys()
    {
        ECParameters key = _key.ExportParameters(includePrivateParameters: false);
        return $$"""
            {"keys":[{"kty":"oct","kid":"weak","k":"c2VjcmV0"},
            {"kty":"EC","crv":"P-256","kid":"{{KeyId}}","x":"{{Base64UrlEncoder.Encode(key.Q.X)}}","y":"{{Base64UrlEncoder.Encode(key.Q.Y)}}"}]}
            """;
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
        _key.Dispose();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            string? answer = context.Request.Url!.AbsolutePath switch
            {
                "/.well-known/openid-configuration" => $$"""
                    {"issuer":"{{Issuer}}","authorization_endpoint":"{{Issuer}}/authorize","token_endpoint":"{{Issuer}}/token","jwks_uri":"{{Issuer}}/keys"}
                    """,
                "/keys" => CountedKeys(),
                "/token" => Exchange(context.Request),
                _ => null,
            };
            context.Response.StatusCode = answer is null ? 400 : 200;
            context.Response.Close(Encoding.UTF8.GetBytes(answer ?? "{}"), willBlock: true);
        }
    }

    private string CountedKeys()
    {
        KeyRequests++;
        return Keys();
    }

    /// <summary>Checks what a real provider would.</summary>
    private string? Exchange(HttpListenerRequest request)
    {
        using var reader = new StreamReader(request.InputStream);
        NameValueCollection form = HttpUtility.ParseQueryString(reader.ReadToEnd());
        string client = $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{ClientId}:{Uri.EscapeDataString(Secret)}"))}";
        bool isProven = Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"] ?? ""))) == _asked["code_challenge"];
        if (form["code"] != "the-code" || form["redirect_uri"] != _asked["redirect_uri"] || !isProven || request.Headers["Authorization"] != client)
        {
            return null;
        }

        string token = Sign($$"""
            "aud":"{{ClientId}}","sub":"1","preferred_username":"carol","groups":["dev","of no interest"],"nonce":"{{OtherNonce ?? _asked["nonce"]}}"
            """);
        return $$"""{"access_token":"x","token_type":"Bearer","id_token":"{{token}}"}""";
    }
}
