using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Web;

/// <summary>A file that the pages need. Its address has the hash of what is in it, so browsers may keep it for good.</summary>
internal sealed class WebAsset
{
    private readonly byte[] _content;
    private readonly string _contentType;

    private WebAsset(string name, string contentType)
    {
        using Stream stream = typeof(WebAsset).Assembly.GetManifestResourceStream("web." + name)!;
        _content = new byte[stream.Length];
        stream.ReadExactly(_content);
        _contentType = contentType;
        Path = $"/web/{Convert.ToHexStringLower(SHA256.HashData(_content))[..12]}/{name}";
    }

    public static WebAsset Style { get; } = new("style.css", "text/css; charset=utf-8");

    public static WebAsset Script { get; } = new("page.js", "text/javascript; charset=utf-8");

    public static WebAsset Icon { get; } = new("icon.svg", "image/svg+xml");

    public string Path { get; }

    /// <summary>The asset at an address; null for none.</summary>
    public static WebAsset? At(string path) =>
        path == Style.Path ? Style : path == Script.Path ? Script : path == Icon.Path ? Icon : null;

    public async Task SendAsync(HttpContext context)
    {
        HttpResponse response = context.Response;
        response.ContentType = _contentType;
        response.ContentLength = _content.Length;
        response.Headers.CacheControl = "public, max-age=31536000, immutable";
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(_content, context.RequestAborted);
        }
    }
}
