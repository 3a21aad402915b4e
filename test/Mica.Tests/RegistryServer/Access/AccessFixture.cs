using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;
using Microsoft.Extensions.Logging;
using Server = Mica.RegistryServer.RegistryServer;

namespace Mica.Tests.RegistryServer.Access;

/// <summary>A registry that asks who comes in, on loopback, with a temporary directory; and what clients send to it.</summary>
internal sealed class AccessFixture : IAsyncDisposable
{
    public const string Password = "correct horse";

    private readonly CollectedLogs _logs = new();
    private Server? _server;

    private AccessFixture()
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("mica-access-").FullName;
        Users = Path.Combine(Directory, "users");
        Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    }

    public string Directory { get; }

    /// <summary>The htpasswd file: alice and bob, whose password is <see cref="Password"/>.</summary>
    public string Users { get; }

    public string Data => Path.Combine(Directory, "data");

    public string AuditFile => Path.Combine(Directory, "audit");

    public HttpClient Http { get; }

    public Uri Address => _server!.Address;

    /// <summary>All that was logged.</summary>
    public string Log => _logs.ToString();

    /// <param name="rules">Who may do what.</param>
    /// <param name="adjust">Changes the options that a test is about.</param>
    public static async Task<AccessFixture> StartAsync(
        ImmutableArray<AccessRule> rules, Func<AccessFixture, RegistryServerOptions, RegistryServerOptions>? adjust = null)
    {
        var fixture = new AccessFixture();
        fixture.SetPassword("alice", Password);
        fixture.SetPassword("bob", Password);
        var options = new RegistryServerOptions
        {
            DataDirectory = fixture.Data,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            Access = new AccessOptions { Rules = rules, HtpasswdFile = fixture.Users, AuditFile = fixture.AuditFile },
        };
        fixture._server = await Server.StartAsync(
            adjust is null ? options : adjust(fixture, options), logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(fixture._logs), CancellationToken.None);
        fixture.Http.BaseAddress = fixture.Address;
        return fixture;
    }

    public static AccessRule Rule(string subject, string repositories, Rights rights) =>
        new() { Subjects = [subject], Repositories = [repositories], Rights = rights };

    public static string Basic(string name, string password) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{password}"));

    public static string Alice => Basic("alice", Password);

    public static string Bob => Basic("bob", Password);

    /// <summary>Changes the file as an editor does; bcrypt at its cheapest.</summary>
    public void SetPassword(string name, string password)
    {
        IEnumerable<string> others = File.Exists(Users) ? File.ReadAllLines(Users).Where(line => !line.StartsWith(name + ":", StringComparison.Ordinal)) : [];
        File.WriteAllLines(Users, [.. others, $"{name}:{BCrypt.Net.BCrypt.HashPassword(password, 4)}"]);
    }

    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, string? authorization = null, byte[]? body = null, string? type = null, string? cookie = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (authorization is not null)
        {
            request.Headers.Authorization = AuthenticationHeaderValue.Parse(authorization);
        }

        if (cookie is not null)
        {
            request.Headers.Add("Cookie", cookie);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        }

        return await Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public async Task<HttpStatusCode> StatusAsync(HttpMethod method, string path, string? authorization = null)
    {
        using HttpResponseMessage response = await SendAsync(method, path, authorization);
        return response.StatusCode;
    }

    /// <summary>Pushes a blob that is config and layer in one; the digest, or the status of a refusal.</summary>
    public async Task<(HttpStatusCode Status, Digest Digest)> PushBlobAsync(string repository, string content, string? authorization)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(content);
        var digest = Digest.Of(bytes);
        using HttpResponseMessage response = await SendAsync(HttpMethod.Post, $"/v2/{repository}/blobs/uploads/?digest={digest}", authorization, bytes, "application/octet-stream");
        return (response.StatusCode, digest);
    }

    /// <summary>Pushes a manifest over one blob, made for <paramref name="content"/>; the blob first.</summary>
    public async Task<HttpStatusCode> PushAsync(string repository, string tag, string? authorization, string content = "{}")
    {
        (HttpStatusCode status, Digest blob) = await PushBlobAsync(repository, content, authorization);
        if (status != HttpStatusCode.Created)
        {
            return status;
        }

        string descriptor(string type) => $$"""{"mediaType":"{{type}}","digest":"{{blob}}","size":{{Encoding.UTF8.GetByteCount(content)}}}""";
        string manifest = $$"""
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "config":{{descriptor("application/vnd.oci.image.config.v1+json")}},"layers":[{{descriptor("application/vnd.oci.image.layer.v1.tar")}}]}
            """;
        using HttpResponseMessage response = await SendAsync(
            HttpMethod.Put, $"/v2/{repository}/manifests/{tag}", authorization, Encoding.UTF8.GetBytes(manifest), "application/vnd.oci.image.manifest.v1+json");
        return response.StatusCode;
    }

    public Task<HttpStatusCode> PullAsync(string repository, string tag, string? authorization = null) =>
        StatusAsync(HttpMethod.Get, $"/v2/{repository}/manifests/{tag}", authorization);

    /// <summary>The answer of <c>/token</c>.</summary>
    public async Task<JsonElement> TokenAnswerAsync(string query, string? authorization)
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Get, "/token?" + query, authorization);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await ReadAsync(response);
    }

    /// <summary>An <c>Authorization</c> header with a token for a scope.</summary>
    public async Task<string> BearerAsync(string scope, string? authorization) =>
        "Bearer " + (await TokenAnswerAsync("scope=" + Uri.EscapeDataString(scope), authorization)).GetProperty("token").GetString();

    public async Task<(HttpStatusCode Status, JsonElement Answer)> PostTokenAsync(params (string Name, string Value)[] fields)
    {
        using var form = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        using HttpResponseMessage response = await SendAsync(
            HttpMethod.Post, "/token", null, await form.ReadAsByteArrayAsync(TestContext.Current.CancellationToken), "application/x-www-form-urlencoded");
        return (response.StatusCode, await ReadAsync(response));
    }

    public static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return document.RootElement.Clone();
    }

    public Task<RegistryData> OpenDataAsync(TimeProvider? time = null) => RegistryData.OpenAsync(
        new RegistryServerOptions { DataDirectory = Data, Time = time ?? TimeProvider.System }, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _logs.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private sealed class CollectedLogs : ILoggerProvider, ILogger
    {
        private readonly StringBuilder _text = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_text)
            {
                _text.AppendLine(formatter(state, exception)).AppendLine(exception?.ToString());
            }
        }

        public override string ToString()
        {
            lock (_text)
            {
                return _text.ToString();
            }
        }

        public void Dispose()
        {
        }
    }
}
