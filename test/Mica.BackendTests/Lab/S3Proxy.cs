using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mica.BackendTests.Lab;

/// <summary>What becomes of a request to the store.</summary>
public enum S3Fate
{
    Passes,
    InternalError,
    SlowDown,

    /// <summary>Nothing comes for a long time.</summary>
    Silence,

    /// <summary>The connection breaks before the store sees the request.</summary>
    Breaks,

    /// <summary>The store does it, and the answer is lost.</summary>
    AnswerLost,

    /// <summary>The connection breaks in the middle of the answer's body.</summary>
    AnswerCut,
}

/// <summary>A store of S3 that fails as told, in front of one that does not.</summary>
public sealed class S3Proxy : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false });
    private readonly Uri _target;
    private int _requests;
    private int _failures;

    private S3Proxy(Uri target)
    {
        _target = target;
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        builder.Logging.ClearProviders();
        _application = builder.Build();
        _application.Run(HandleAsync);
    }

    /// <summary>Decides on a request, by its method, its path with the query, and its number.</summary>
    public Func<string, string, int, S3Fate> Decide { get; set; } = static (_, _, _) => S3Fate.Passes;

    public Uri Address { get; private set; } = null!;

    public int Failures => _failures;

    public static async Task<S3Proxy> StartAsync(Uri target)
    {
        var proxy = new S3Proxy(target);
        await proxy._application.StartAsync();
        proxy.Address = new Uri(proxy._application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _application.StopAsync(now.Token);
        await _application.DisposeAsync();
        _client.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        S3Fate fate = Decide(context.Request.Method, target, Interlocked.Increment(ref _requests));
        if (fate != S3Fate.Passes)
        {
            Interlocked.Increment(ref _failures);
        }

        switch (fate)
        {
            case S3Fate.InternalError:
                await FailAsync(context, 500, "InternalError");
                return;
            case S3Fate.SlowDown:
                await FailAsync(context, 503, "SlowDown");
                return;
            case S3Fate.Silence:
                await Task.Delay(TimeSpan.FromMinutes(1), context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                context.Abort();
                return;
            case S3Fate.Breaks:
                context.Abort();
                return;
        }

        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri(_target, target));
        request.Content = context.Request.ContentLength is > 0 ? new StreamContent(context.Request.Body) : null;
        foreach ((string name, var values) in context.Request.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, values.AsEnumerable()))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
            }
        }

        using HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        if (fate == S3Fate.AnswerLost)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = (int)response.StatusCode;
        foreach ((string name, IEnumerable<string> values) in response.Headers.Concat(response.Content.Headers))
        {
            if (!name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase) && !name.Equals("Connection", StringComparison.OrdinalIgnoreCase))
            {
                context.Response.Headers[name] = values.ToArray();
            }
        }

        if (context.Request.Method == "HEAD")
        {
            return;
        }

        await using Stream body = await response.Content.ReadAsStreamAsync(context.RequestAborted);
        if (fate == S3Fate.AnswerCut)
        {
            byte[] half = new byte[(int)Math.Min((response.Content.Headers.ContentLength ?? 2) / 2, 1 << 20)];
            await body.ReadExactlyAsync(half, context.RequestAborted);
            await context.Response.Body.WriteAsync(half, context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(50, context.RequestAborted);
            context.Abort();
            return;
        }

        await body.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static async Task FailAsync(HttpContext context, int status, string code)
    {
        await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/xml";
        await context.Response.WriteAsync($"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as told</Message></Error>", context.RequestAborted);
    }
}
