using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Mica.SystemTests.Registries;

/// <summary>
/// <c>mica registry serve</c> with something of everything that its page shows, pushed by mica, by skopeo and by hand, and
/// Debian's chromium to look at it.
/// </summary>
public sealed class WebRegistry(Workbench bench) : IAsyncLifetime
{
    private const string Manifest = "application/vnd.oci.image.manifest.v1+json";
    private const string Index = "application/vnd.oci.image.index.v1+json";

    private readonly HttpClient _client = new();
    private Process? _server;
    private MicaRoot _root = null!;
    private IPlaywright? _playwright;

    public Uri Address => _client.BaseAddress!;

    public IBrowser Browser { get; private set; } = null!;

    /// <summary>Where pictures of the pages go.</summary>
    public string Screenshots { get; private set; } = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _root = bench.NewRoot();
        _server = _root.Start("registry", "serve", "--listen", "127.0.0.1:0", "--data", bench.NewDirectory("web"));
        string line = await _server.StandardOutput.ReadLineAsync(Cancelled) ?? throw new InvalidOperationException("the registry did not start");
        _client.BaseAddress = new Uri(line.Split(' ')[1]);
        await FillAsync();
        Screenshots = Path.Combine(bench.Repository, "artifacts", "screenshots");
        Directory.CreateDirectory(Screenshots);
        _playwright = await Playwright.CreateAsync();

        // Chromium's own sandbox does not work for root, nor in most containers; it looks at nothing but our server.
        Browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = "/usr/bin/chromium", Args = ["--no-sandbox"] });
    }

    public async ValueTask DisposeAsync()
    {
        if (Browser is not null)
        {
            await Browser.DisposeAsync();
        }

        _playwright?.Dispose();
        _client.Dispose();
        if (_server is not null)
        {
            await Shell.ScriptAsync("kill -TERM \"$1\"", _server.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            await _server.WaitForExitAsync(CancellationToken.None);
            _server.Dispose();
        }

        await _root.DisposeAsync();
    }

    private async Task FillAsync()
    {
        string context = bench.NewDirectory("context");
        await File.WriteAllTextAsync(Path.Combine(context, "motd"), "Good morning.\n", Cancelled);
        await File.WriteAllTextAsync(
            Path.Combine(context, "Dockerfile"),
            """
            FROM scratch
            LABEL org.opencontainers.image.source=https://git.example.org/tools/motd
            COPY motd /etc/motd
            ENV LANG=C.UTF-8 GREETING="Good morning"
            USER 1000:1000
            WORKDIR /srv
            EXPOSE 8080/tcp
            ENTRYPOINT ["/bin/cat", "/etc/motd"]
            """,
            Cancelled);
        string name = $"{Address.Authority}/tools/motd";
        await _root.RunAsync("build", "-q", "-t", $"{name}:1.0", context);
        await _root.RunAsync("push", "-q", $"{name}:1.0");
        await Shell.ScriptAsync(
            "skopeo copy -q --src-tls-verify=false --dest-tls-verify=false \"docker://$1:1.0\" \"docker://$1:stable\"", name);

        JsonObject latest = [];
        foreach (string version in (string[])["1.0", "1.1", "2.0"])
        {
            latest = await IndexAsync("team/api", version);
            await CopyTagAsync("team/api", version, "latest");
        }

        await ArtifactAsync("team/api", latest, "application/vnd.dev.cosign.artifact.sig.v1+json", "signature");
        await ArtifactAsync("team/api", latest, "application/spdx+json", "sbom.spdx.json");
        foreach (string repository in (string[])["team/web", "team/worker", "infra/proxy", "infra/dns/resolver"])
        {
            await ImageAsync(repository, "3.1.4", "amd64", repository);
        }

        await ImageAsync("hostile/image", "<script>alert(1)</script>", "amd64", "<script>alert(1)</script>", "t");
        for (int number = 0; number < 120; number++)
        {
            await CopyTagAsync("team/worker", "3.1.4", $"build-{number:0000}");
        }
    }

    private async Task<JsonObject> IndexAsync(string repository, string tag)
    {
        var manifests = new JsonArray();
        foreach (string architecture in (string[])["amd64", "arm64"])
        {
            JsonObject image = await ImageAsync(repository, tag, architecture, tag + architecture, null);
            image["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = architecture };
            manifests.Add(image);
        }

        return await PutAsync(repository, tag, Index, new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = Index, ["manifests"] = manifests });
    }

    private Task<JsonObject> ImageAsync(string repository, string tag, string architecture, string seed) =>
        ImageAsync(repository, tag, architecture, seed, tag);

    private async Task<JsonObject> ImageAsync(string repository, string version, string architecture, string seed, string? tag)
    {
        JsonObject bottom = await BlobAsync(repository, [], "base " + architecture, 600_000);
        JsonObject top = await BlobAsync(repository, [], seed, 150_000);
        var config = new JsonObject
        {
            ["created"] = "2026-01-02T03:04:05Z",
            ["author"] = version,
            ["os"] = "linux",
            ["architecture"] = architecture,
            ["config"] = new JsonObject
            {
                ["Env"] = new JsonArray("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"),
                ["Entrypoint"] = new JsonArray("/app/server", "--listen", "0.0.0.0:8080"),
                ["Labels"] = new JsonObject { ["org.opencontainers.image.version"] = version },
            },
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray((string)bottom["digest"]!, (string)top["digest"]!) },
            ["history"] = new JsonArray(
                new JsonObject { ["created_by"] = "/bin/sh -c #(nop) ADD file:4b03b5f551e3fbdf47ec609712007327828f7530cc3455c43bbcdcaf449a75a9 in / " },
                new JsonObject { ["created_by"] = "/bin/sh -c #(nop)  CMD [\"bash\"]", ["empty_layer"] = true },
                new JsonObject { ["created_by"] = "COPY /out /app # buildkit" }),
        };
        JsonObject described = await BlobAsync(repository, Encoding.UTF8.GetBytes(config.ToJsonString()), "", 0, "application/vnd.oci.image.config.v1+json");
        return await PutAsync(repository, tag, Manifest, new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = Manifest,
            ["config"] = described,
            ["layers"] = new JsonArray(bottom, top),
        });
    }

    private async Task ArtifactAsync(string repository, JsonObject subject, string type, string file)
    {
        JsonObject blob = await BlobAsync(repository, Encoding.UTF8.GetBytes(file), "", 0, "application/octet-stream");
        blob["annotations"] = new JsonObject { ["org.opencontainers.image.title"] = file };
        await PutAsync(repository, null, Manifest, new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = Manifest,
            ["artifactType"] = type,
            ["config"] = await BlobAsync(repository, "{}"u8.ToArray(), "", 0, "application/vnd.oci.empty.v1+json"),
            ["layers"] = new JsonArray(blob),
            ["subject"] = subject.DeepClone(),
        });
    }

    /// <summary>Pushes bytes, or as many as told that are made from a seed.</summary>
    private async Task<JsonObject> BlobAsync(
        string repository, byte[] content, string seed, int length, string mediaType = "application/vnd.oci.image.layer.v1.tar+gzip")
    {
        if (length > 0)
        {
            content = new byte[length];
            new Random(seed.Sum(c => c) * 31 + seed.Length).NextBytes(content);
        }

        string digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));
        using var body = new ByteArrayContent(content);
        using HttpResponseMessage answer = await _client.PostAsync($"/v2/{repository}/blobs/uploads/?digest={digest}", body, Cancelled);
        answer.EnsureSuccessStatusCode();
        return new JsonObject { ["mediaType"] = mediaType, ["digest"] = digest, ["size"] = content.Length };
    }

    private Task<JsonObject> PutAsync(string repository, string? tag, string mediaType, JsonObject document) =>
        PutAsync(repository, tag, mediaType, Encoding.UTF8.GetBytes(document.ToJsonString()));

    private async Task<JsonObject> PutAsync(string repository, string? tag, string mediaType, byte[] content)
    {
        string digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));
        using var body = new ByteArrayContent(content);
        body.Headers.ContentType = MediaTypeHeaderValue.Parse(mediaType);
        using HttpResponseMessage answer = await _client.PutAsync($"/v2/{repository}/manifests/{tag ?? digest}", body, Cancelled);
        answer.EnsureSuccessStatusCode();
        return new JsonObject { ["mediaType"] = mediaType, ["digest"] = digest, ["size"] = content.Length };
    }

    private async Task CopyTagAsync(string repository, string from, string to)
    {
        using HttpResponseMessage answer = await _client.GetAsync($"/v2/{repository}/manifests/{from}", Cancelled);
        await PutAsync(repository, to, answer.Content.Headers.ContentType!.ToString(), await answer.Content.ReadAsByteArrayAsync(Cancelled));
    }
}
