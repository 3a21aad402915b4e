namespace Mica.SystemTests.Lab;

/// <summary>
/// Debian's docker-registry on a loopback port of its own: somebody else's, so that what mica says to a registry is proved
/// by more than mica. <see cref="ServedRegistry"/> is ours.
/// </summary>
public sealed class LoopbackRegistry(Workbench bench, string directory) : IAsyncDisposable
{
    public const string User = "mica";

    public const string Password = "pear tree";

    /// <summary><c>127.0.0.1:PORT</c>.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The certificate authority of a registry with a password.</summary>
    public string Authority => Path.Combine(directory, "ca.crt");

    public async Task StartAsync(bool withPassword)
    {
        // The registry keeps the pipes of whoever starts it open, so it starts with none of ours.
        string script = withPassword ? "\"$1\" start \"$2\" --auth 2>&1 </dev/null" : "\"$1\" start \"$2\" 2>&1 </dev/null";
        Address = (await Shell.ScriptAsync(script, bench.Fixture("registry.sh"), directory)).Trim();
    }

    /// <summary>Pushes fixture images with skopeo, all when no name is given.</summary>
    public Task PushAsync(FixtureImages images, params string[] names) =>
        Shell.ScriptAsync("push=$1; shift; \"$push\" \"$@\"", [bench.Fixture("push-images.sh"), images.Directory, Address, .. names]);

    /// <summary>The manifest as skopeo gets it, byte for byte, named by its digest.</summary>
    public async Task<string> DigestOfAsync(string name) =>
        "sha256:" + (await Shell.ScriptAsync(
            "skopeo inspect --tls-verify=false --raw \"docker://$1\" | sha256sum | cut -d' ' -f1", $"{Address}/{name}")).Trim();

    /// <summary>The requests so far, as the access log has them: <c>GET /v2/…</c> and the answer's status.</summary>
    public async Task<string[]> RequestsAsync()
    {
        string log = await File.ReadAllTextAsync(Path.Combine(directory, "log"), TestContext.Current.CancellationToken);
        return [.. log.Split('\n').Select(line => line.Split('"')).Where(parts => parts.Length > 2 && parts[1].Contains(" /v2/", StringComparison.Ordinal))
            .Select(parts => parts[1].Replace(" HTTP/1.1", "", StringComparison.Ordinal) + parts[2][..4])];
    }

    /// <summary>The file of a blob in the registry's own store.</summary>
    public string BlobFile(string digest) => Path.Combine(
        directory, "data/docker/registry/v2/blobs/sha256", digest["sha256:".Length..][..2], digest["sha256:".Length..], "data");

    public async ValueTask DisposeAsync() => await Shell.ScriptAsync("\"$1\" stop \"$2\"", bench.Fixture("registry.sh"), directory);
}
