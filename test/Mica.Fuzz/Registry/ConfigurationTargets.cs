using System.Text;
using Mica.Fuzz.Documents;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Fuzz.Registry;

/// <summary><c>registries.conf</c>, and docker's <c>daemon.json</c>: what is read can be used for any name.</summary>
internal sealed class RegistriesTarget : FuzzTarget
{
    private static readonly ImageReference[] s_references =
        [.. new[] { "debian:12", "r.example/a/b", $"r.example:5000/a@{JsonWords.Sha}", "x.r.example/team/app:1" }.Select(ImageReference.Parse)];

    private readonly ScratchDirectory _scratch = new();

    public override string Description => "RegistriesConfiguration: registries.conf (TOML), daemon.json";

    public override IReadOnlyList<byte[]> Seeds { get; } = Testdata.Bytes(
        """
        unqualified-search-registries = ["docker.io", 'quay.io']
        short-name-mode = "permissive"
        [[registry]]
        prefix = "r.example/a"
        location = "mirror.example:5000/b"
        insecure = true
        [[registry.mirror]]
        location = "m.example/c"
        pull-from-mirror = "digest-only"
        [[registry]]
        prefix = "*.r.example"
        location = "r.example"
        [aliases]
        "debian" = "docker.io/library/debian"
        """,
        """
        credential-helpers = []
        [[registry]]
        location = "docker.io"
        blocked = false
        mirror-by-digest-only = true
        mirror = [{ location = "a.example", insecure = false }]
        """,
        """{"registry-mirrors":["http://m.example:5000"],"insecure-registries":["10.0.0.0/8","r.example:5000","::1/128"]}""");

    public override IReadOnlyList<byte[]> Words { get; } =
    [
        .. JsonWords.All,
        .. Testdata.Bytes(
            "[[registry]]\n", "[[registry.mirror]]\n", "[aliases]\n", "[registries.search]\n", "prefix = ", "location = ", "insecure = true\n", "blocked = true\n", "mirror = ", "a.b.c = 1\n",
            "\"\"\"", "'''", "\"\\u0000\"", "\"\\uD800\"", "\"\\U00110000\"", "1979-05-27T07:32:00Z", "inf", "0x_", "{ a = 1, a = 2 }", "{}", "[[[[[[[[[[[[", "= = =", "#", "\r", "\"*.\"", "*.",
            "docker.io", "docker.io/library", "r.example:99999", "r.example:5000", "https://", "[::1]:5000", "x@y", ":tag", "/", "\"registry-mirrors\":[", "\"insecure-registries\":[", "0/0", "/129"),
    ];

    public override void Run(byte[] input)
    {
        string path = _scratch.Combine("configuration");
        File.WriteAllBytes(path, input);
        FuzzCase.Accepts(() => Use(RegistriesConfiguration.Load(new RegistriesLocations { ExplicitFile = path }, progress: null)));
        FuzzCase.Accepts(() => Use(RegistriesConfiguration.Load(new RegistriesLocations { DockerDaemonFile = path }, progress: null)));
    }

    protected override void Dispose(bool disposing)
    {
        _scratch.Dispose();
        base.Dispose(disposing);
    }

    private static void Use(RegistriesConfiguration configuration)
    {
        foreach (ImageReference reference in s_references)
        {
            FuzzCase.Accepts(() => configuration.Endpoints(reference, forPush: false));
            FuzzCase.Accepts(() => configuration.Endpoints(reference, forPush: true));
            FuzzCase.Accepts(() => configuration.ParseReference(reference.Familiar));
        }
    }
}

/// <summary><c>config.json</c> and <c>auth.json</c>: a login and a logout keep what else is in the file, and no message shows a secret.</summary>
internal sealed class CredentialsTarget : FuzzTarget
{
    private const string Password = "pass-e5a1";

    private static readonly CredentialKey s_key = CredentialKey.ParseRegistry("r.example:5000/team");

    public override string Description => "CredentialFile: config.json, auth.json";

    public override IReadOnlyList<byte[]> Seeds { get; } = Testdata.Bytes(
        $$$"""{"auths":{"r.example:5000/team":{"auth":"{{{Convert.ToBase64String(Encoding.UTF8.GetBytes("user:" + Password))}}}"},"https://index.docker.io/v1/":{"identitytoken":"t"}},"HttpHeaders":{"A":"b"}}""",
        """{"auths":{"https://r.example:5000":{"username":"u","password":"p"},"ghcr.io":{}},"credHelpers":{"gcr.io":"gcloud","r.example":""},"credsStore":"pass"}""",
        """{"auths":null,"credsStore":null}""", "");

    public override IReadOnlyList<byte[]> Words { get; } =
    [
        .. JsonWords.All,
        .. Testdata.Bytes(
            "\"auths\":{", "\"auth\":", "\"auth\":\"Og==\"", "\"auth\":\"YQ==\"", "\"auth\":\"!\"", "\"identitytoken\":\"\"", "\"registrytoken\":\"x\"", "\"username\":1", "\"password\":\"\\ud800\"",
            "\"credHelpers\":{", "\"credsStore\":", "https://", "http://", "/v1/", "/v2/", "index.docker.io", "docker.io", "r.example:5000/team", "r.example"),
    ];

    public override void Run(byte[] input)
    {
        foreach (string name in new[] { "/home/u/.docker/config.json", "auth.json" })
        {
            CredentialFile? file = null;
            if (FuzzCase.Accepts(() => file = CredentialFile.Parse(name, input)))
            {
                Use(name, file!);
            }
        }
    }

    private static void Use(string name, CredentialFile file)
    {
        _ = file.HasSecrets;
        foreach (CredentialEntry entry in file.Entries)
        {
            Guarded(() => file.Read(entry));
        }

        Guarded(() =>
        {
            CredentialFile written = CredentialFile.Parse(name, file.ToJson());
            FuzzFailure.Unless(written.Entries.SequenceEqual(file.Entries), "entries change when they are written and read");
            written.Write(s_key, new Credential { Username = "u", Password = "p:q" });
            CredentialFile again = CredentialFile.Parse(name, written.ToJson());
            CredentialEntry entry = again.Entries.Single(each => each.Key == s_key);
            FuzzFailure.Unless(again.Read(entry) is { Username: "u", Password: "p:q" }, "what was written is not what is read");
            FuzzFailure.Unless(again.Remove(s_key), "what was written cannot be removed");
            CredentialFile removed = CredentialFile.Parse(name, again.ToJson());
            FuzzFailure.Unless(!removed.Entries.Any(each => each.Key == s_key), "what was removed is still there");
        });
    }

    private static void Guarded(Action action) => FuzzCase.Accepts(() =>
    {
        try
        {
            action();
        }
        catch (MicaException refusal)
        {
            FuzzFailure.Unless(!refusal.ToString().Contains(Password, StringComparison.Ordinal), "a message shows a secret");
            throw;
        }
    });
}
