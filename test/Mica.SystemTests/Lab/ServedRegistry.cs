using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Mica.SystemTests.Lab;

/// <summary><c>mica registry serve</c> on a loopback port of its own, with a directory that outlives it.</summary>
public sealed class ServedRegistry : IAsyncDisposable
{
    private readonly Workbench _bench;
    private Process? _process;
    private Task<string> _log = Task.FromResult("");

    public ServedRegistry(Workbench bench, string directory)
    {
        _bench = bench;
        Directory = directory;
    }

    /// <summary>The <c>--data</c>.</summary>
    public string Directory { get; }

    /// <summary><c>127.0.0.1:PORT</c>; another one after each start.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Words behind the command.</summary>
    public string[] Options { get; init; } = [];

    public HttpClient Client { get; private set; } = null!;

    public int ProcessId => _process!.Id;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Starts a registry in a new directory.</summary>
    public static async Task<ServedRegistry> StartAsync(Workbench bench, string name, params string[] options)
    {
        var registry = new ServedRegistry(bench, bench.NewDirectory("served-" + name)) { Options = options };
        await registry.StartAsync();
        return registry;
    }

    public async Task StartAsync()
    {
        _process = Shell.Start([_bench.Binary, "registry", "serve", "--listen", "127.0.0.1:0", "--data", Directory, .. Options]);
        _log = _process.StandardError.ReadToEndAsync(CancellationToken.None);
        string? line = await _process.StandardOutput.ReadLineAsync(Cancelled);
        if (line is null || !line.StartsWith("Serving http", StringComparison.Ordinal))
        {
            Assert.Fail($"the registry did not start: {line} {await _log}");
        }

        var address = new Uri(line.Split(' ')[1]);
        Address = address.Authority;
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false }) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(2) };
    }

    /// <summary>kill -9, and gone when this returns.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await EndedAsync();
    }

    /// <summary>SIGTERM alone.</summary>
    public Task TerminateAsync() => Shell.ScriptAsync("kill -TERM \"$1\"", _process!.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Waits for the end; tells the exit code and the log.</summary>
    public async Task<(int ExitCode, string Log)> EndedAsync()
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        late.CancelAfter(TimeSpan.FromMinutes(1));
        await _process!.WaitForExitAsync(late.Token);
        string log = await _log;
        int code = _process.ExitCode;
        _process.Dispose();
        _process = null;
        Client.Dispose();
        return (code, log);
    }

    public static string DigestOf(ReadOnlySpan<byte> bytes) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));

    public static string ManifestOf(byte[] config, params byte[][] layers) =>
        $$"""
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{Descriptor(config, "config.v1+json")}},"layers":[{{string.Join(',', layers.Select(layer => Descriptor(layer, "layer.v1.tar")))}}]}
        """;

    public Task<HttpResponseMessage> PutBlobAsync(string repository, byte[] bytes) =>
        Client.PostAsync(new Uri($"/v2/{repository}/blobs/uploads/?digest={DigestOf(bytes)}", UriKind.Relative), new ByteArrayContent(bytes), Cancelled);

    public Task<HttpResponseMessage> PutManifestAsync(string repository, string reference, string manifest) => Client.PutAsync(
        new Uri($"/v2/{repository}/manifests/{reference}", UriKind.Relative),
        new StringContent(manifest, Encoding.UTF8, MediaTypeHeaderValue.Parse("application/vnd.oci.image.manifest.v1+json")),
        Cancelled);

    /// <summary>The bytes at a path; null for 404, anything else than 200 fails the test.</summary>
    public async Task<byte[]?> BytesAsync(string path)
    {
        using HttpResponseMessage response = await Client.GetAsync(new Uri(path, UriKind.Relative), Cancelled);
        if (response.StatusCode == System.Net.HttpStatusCode.NotFound)
        {
            return null;
        }

        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode}");
        return await response.Content.ReadAsByteArrayAsync(Cancelled);
    }

    /// <summary>Bytes of files in the data directory, but for the metadata.</summary>
    public long StoredBytes => System.IO.Directory.EnumerateFiles(Path.Combine(Directory, "blobs"), "*", SearchOption.AllDirectories)
        .Sum(file => new FileInfo(file).Length);

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill();
            await EndedAsync();
        }
    }

    private static string Descriptor(byte[] blob, string type) =>
        $$"""{"mediaType":"application/vnd.oci.image.{{type}}","digest":"{{DigestOf(blob)}}","size":{{blob.Length}}}""";
}
