using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry.Configuration;

public sealed class RegistriesConfigurationTests : IDisposable
{
    private const string Digest = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    private const string Example = """
        unqualified-search-registries = ["example.com"]

        [[registry]]
        prefix = "example.com/foo"
        insecure = false
        blocked = false
        location = "internal.example.net/bar"

        [[registry.mirror]]
        location = "mirror-0.local/mirror-for-foo"

        [[registry.mirror]]
        location = "mirror-1.local/mirrors/foo"
        insecure = true

        [[registry]]
        location = "registry.com"

        [[registry.mirror]]
        location = "mirror.registry.com"
        """;

    private readonly ConfigurationDirectory _home = new();

    private RegistriesLocations Locations => new() { SystemDirectory = _home.At("etc"), ConfigHome = _home.At("config"), DockerDaemonFile = _home.At("daemon.json") };

    public void Dispose() => _home.Dispose();

    [Theory]
    [InlineData("debian:12", "https://registry-1.docker.io docker.io library/debian")]
    [InlineData("index.docker.io/team/app", "https://registry-1.docker.io docker.io team/app")]
    [InlineData("ghcr.io/a/b", "https://ghcr.io ghcr.io a/b")]
    [InlineData("127.0.0.1:5000/a", "https://127.0.0.1:5000 127.0.0.1:5000 a")]
    [InlineData("localhost/a", "https://localhost localhost a")]
    [InlineData("[::1]:5000/a", "https://[::1]:5000 [::1]:5000 a")]
    public void Endpoints_NothingConfigured_AreTheRegistryItself(string reference, string expected)
    {
        RegistriesConfiguration configuration = Load();

        Assert.Equal([expected], Show(configuration, reference));
        Assert.Equal([expected], Show(configuration, reference, forPush: true));
    }

    [Theory]
    [InlineData("example.com/foo/image:latest",
        "https://mirror-0.local mirror-0.local mirror-for-foo/image mirror",
        "https://mirror-1.local mirror-1.local mirrors/foo/image mirror insecure",
        "https://internal.example.net internal.example.net bar/image")]
    [InlineData("registry.com/image", "https://mirror.registry.com mirror.registry.com image mirror", "https://registry.com registry.com image")]
    [InlineData("example.com/food", "https://example.com example.com food")]
    [InlineData("registry.com:5000/image", "https://registry.com:5000 registry.com:5000 image")]
    public void Endpoints_ManualsExample_AreMirrorsThenTheLocation(string reference, params string[] expected) =>
        Assert.Equal(expected, Show(Load(Example), reference));

    [Fact]
    public void Endpoints_Push_GoesToTheNameItself() =>
        Assert.Equal(["https://example.com example.com foo/image"], Show(Load(Example), "example.com/foo/image", forPush: true));

    [Theory]
    [InlineData("r.example/x", "host")]
    [InlineData("r.example/team", "team")]
    [InlineData("r.example/team/app", "app")]
    [InlineData("r.example/team/app:1", "tag")]
    [InlineData("r.example/team/app:11", "app")]
    [InlineData("r.example/team/app" + Digest, "digest")]
    [InlineData("r.example/team/app/x:1", "app")]
    [InlineData("r.example/teams", "host")]
    [InlineData("a.r.example/x", "wildcard")]
    [InlineData("a.b.r.example/x", "wildcard")]
    [InlineData("a.b.r.example:5000/x", "wildcard")]
    [InlineData("x.sub.r.example/x", "subdomain")]
    [InlineData("named.r.example/x", "named")]
    [InlineData("NAMED.r.example/x", "named")]
    [InlineData("xr.example/x", null)]
    public void Endpoints_SeveralPrefixes_LongestWins(string reference, string? expected)
    {
        (string Prefix, string Mirror)[] tables =
        [
            ("*.r.example", "wildcard"), ("named.r.example", "named"), ("*.sub.r.example", "subdomain"), ("r.example", "host"),
            ("r.example/team", "team"), ("r.example/team/app", "app"), ("r.example/team/app:1", "tag"), ("r.example/team/app" + Digest, "digest"),
        ];
        RegistriesConfiguration configuration = Load(string.Concat(tables.Select(table =>
            $"[[registry]]\nprefix = \"{table.Prefix}\"\n[[registry.mirror]]\nlocation = \"{table.Mirror}.local/m\"\n")));

        RegistryEndpoint first = configuration.Endpoints(ImageReference.Parse(reference), forPush: false)[0];

        Assert.Equal(expected is null ? null : expected + ".local", first.IsMirror ? first.Host : null);
    }

    [Theory]
    [InlineData("location = \"r.example\"", "r.example/a/b", "https://r.example r.example a/b")]
    [InlineData("prefix = \"r.example\"\nlocation = \"other.example:5000/proxy\"", "r.example/a/b", "https://other.example:5000 other.example:5000 proxy/a/b")]
    [InlineData("prefix = \"r.example/a\"\nlocation = \"other.example\"", "r.example/a/b", "https://other.example other.example b")]
    [InlineData("prefix = \"r.example/a/b\"\nlocation = \"other.example/c\"", "r.example/a/b:1", "https://other.example other.example c")]
    [InlineData("prefix = \"r.example/a/b:1\"\nlocation = \"other.example/c\"", "r.example/a/b:1", "https://other.example other.example c")]
    [InlineData("prefix = \"r.example/\"\nlocation = \"other.example/x/\"", "r.example/a", "https://other.example other.example x/a")]
    [InlineData("prefix = \"*.r.example\"", "x.r.example:5000/a", "https://x.r.example:5000 x.r.example:5000 a")]
    [InlineData("prefix = \"*.r.example\"\nlocation = \"other.example/x\"", "x.r.example/a", "https://other.example other.example x/a")]
    [InlineData("prefix = \"*.r.example\"\nlocation = \"\"\ninsecure = true", "x.r.example/a", "https://x.r.example x.r.example a insecure")]
    [InlineData("prefix = \"r.example\"\nlocation = \"docker.io\"", "r.example/debian", "https://registry-1.docker.io docker.io library/debian")]
    [InlineData("prefix = \"r.example\"\nlocation = \"index.docker.io/team\"", "r.example/app", "https://registry-1.docker.io docker.io team/app")]
    [InlineData("prefix = \"docker.io/library\"\nlocation = \"other.example/hub\"", "debian", "https://other.example other.example hub/debian")]
    [InlineData("prefix = \"docker.io\"\nlocation = \"other.example/hub\"", "debian", "https://other.example other.example hub/library/debian")]
    [InlineData("prefix = \"index.docker.io\"\nlocation = \"other.example\"", "team/app", "https://other.example other.example team/app")]
    [InlineData("location = \"r.example\"\ninsecure = true", "r.example/a", "https://r.example r.example a insecure")]
    public void Endpoints_Location_TakesThePlaceOfThePrefix(string table, string reference, string expected) =>
        Assert.Equal([expected], Show(Load("[[registry]]\n" + table), reference));

    [Theory]
    [InlineData("", "pull-from-mirror = \"all\"", true, true)]
    [InlineData("", "pull-from-mirror = \"\"", true, true)]
    [InlineData("", "", true, true)]
    [InlineData("", "pull-from-mirror = \"digest-only\"", false, true)]
    [InlineData("", "pull-from-mirror = \"tag-only\"", true, false)]
    [InlineData("mirror-by-digest-only = true", "", false, true)]
    [InlineData("mirror-by-digest-only = false", "pull-from-mirror = \"tag-only\"", true, false)]
    public void Endpoints_MirrorForTagsOrDigests_ServesOnlyThem(string registry, string mirror, bool servesTags, bool servesDigests)
    {
        RegistriesConfiguration configuration = Load($"[[registry]]\nlocation = \"r.example\"\n{registry}\n[[registry.mirror]]\nlocation = \"m.example\"\n{mirror}\n");

        bool[] served = [.. new[] { "r.example/a:1", "r.example/a", "r.example/a" + Digest, "r.example/a:1" + Digest }
            .Select(reference => configuration.Endpoints(ImageReference.Parse(reference), forPush: false)[0].IsMirror)];

        Assert.Equal([servesTags, servesTags, servesDigests, servesDigests], served);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Endpoints_Blocked_IsDeniedWithThePlace(bool forPush)
    {
        RegistriesConfiguration configuration = Load("[[registry]]\nlocation = \"ok.example\"\n[[registry]]\nlocation = \"bad.example\"\nblocked = true\n");

        var error = Assert.Throws<MicaException>(() => configuration.Endpoints(ImageReference.Parse("bad.example/app:1"), forPush));

        Assert.Equal(ErrorKind.PermissionDenied, error.Kind);
        Assert.Equal($"bad.example/app: the registry is blocked ({_home.At("etc/registries.conf")}:3)", error.Message);
        Assert.Single(configuration.Endpoints(ImageReference.Parse("ok.example/app"), forPush));
    }

    [Fact]
    public void Endpoints_LocationWithoutRepository_SaysSo()
    {
        RegistriesConfiguration configuration = Load("[[registry]]\nprefix = \"r.example/a\"\nlocation = \"other.example\"\n");

        var error = Assert.Throws<MicaException>(() => configuration.Endpoints(ImageReference.Parse("r.example/a"), forPush: false));

        Assert.EndsWith("registries.conf:1: location other.example leaves no repository name for r.example/a", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Endpoints_InlineTables_AreTheSame()
    {
        RegistriesConfiguration configuration = Load("registry = [{prefix = 'r.example', mirror = [{location = 'm.example', insecure = true}]}]");

        Assert.Equal(["https://m.example m.example a mirror insecure", "https://r.example r.example a"], Show(configuration, "r.example/a"));
    }

    [Fact]
    public void Endpoints_BothFormsOfMirrorArrays_AreRead()
    {
        RegistriesConfiguration configuration = Load("""
            [[registry]]
            location = "a.example"
            [[registry.mirror]]
            location = "m.example"
            [[registry]]
            location = "b.example"
            mirror = [ {location="n.example"} ]
            """);

        Assert.Equal("n.example", configuration.Endpoints(ImageReference.Parse("b.example/a"), forPush: false)[0].Host);
    }

    [Fact]
    public void Load_DropIns_ReplaceByPrefixInOrder()
    {
        _home.Write("etc/registries.conf", "[[registry]]\nprefix = \"a.example\"\nlocation = \"main.example\"\n[[registry]]\nprefix = \"b.example\"\nlocation = \"main.example\"\n");
        _home.Write("etc/registries.conf.d/20.conf", "[[registry]]\nprefix = \"a.example\"\nlocation = \"twenty.example\"\n");
        _home.Write("etc/registries.conf.d/10.conf", "[[registry]]\nprefix = \"a.example\"\nlocation = \"ten.example\"\n[[registry]]\nlocation = \"c.example\"\ninsecure = true");
        _home.Write("etc/registries.conf.d/30.conf.bak", "not TOML");
        _home.Write("config/containers/registries.conf.d/00.conf", "[[registry]]\nprefix = \"b.example\"\nlocation = \"user.example\"\n");

        var configuration = RegistriesConfiguration.Load(Locations, _home);

        Assert.Equal(["https://twenty.example twenty.example x"], Show(configuration, "a.example/x"));
        Assert.Equal(["https://user.example user.example x"], Show(configuration, "b.example/x"));
        Assert.Equal(["https://c.example c.example x insecure"], Show(configuration, "c.example/x"));
    }

    [Fact]
    public void Load_UsersFile_ReplacesTheSystems()
    {
        _home.Write("etc/registries.conf", "[[registry]]\nlocation = \"a.example\"\nblocked = true\n");
        _home.Write("etc/registries.conf.d/10.conf", "[[registry]]\nlocation = \"b.example\"\nblocked = true\n");
        _home.Write("config/containers/registries.conf", "");
        _home.Write("config/containers/registries.conf.d/10.conf", "[[registry]]\nlocation = \"c.example\"\ninsecure = true\n");

        var configuration = RegistriesConfiguration.Load(Locations, _home);

        Assert.Equal(["https://a.example a.example x"], Show(configuration, "a.example/x"));
        Assert.Equal(["https://b.example b.example x"], Show(configuration, "b.example/x"));
        Assert.Equal(["https://c.example c.example x insecure"], Show(configuration, "c.example/x"));
    }

    [Fact]
    public void Load_ExplicitFile_IsTheOnlyOneAndMustExist()
    {
        _home.Write("etc/registries.conf", "[[registry]]\nlocation = \"a.example\"\nblocked = true\n");
        RegistriesLocations locations = Locations with { ExplicitFile = _home.Write("mine.conf", "") };

        Assert.Equal(["https://a.example a.example x"], Show(RegistriesConfiguration.Load(locations, _home), "a.example/x"));
        var error = Assert.Throws<MicaException>(() => RegistriesConfiguration.Load(locations with { ExplicitFile = _home.At("none.conf") }, _home));
        Assert.Equal($"{_home.At("none.conf")}: no such file", error.Message);
    }

    [Theory]
    [InlineData("a = \n", 1, "malformed TOML (")]
    [InlineData("\n\n[[registry]\n", 3, "malformed TOML (")]
    [InlineData("unqualified-search-registries = []\nunqualified-search-registries = []\n", 2, "malformed TOML (unqualified-search-registries is defined in line 1 already)")]
    [InlineData("[aliases]\n[aliases]\n", 2, "malformed TOML (aliases is defined in line 1 already)")]
    [InlineData("[registry]\n[[registry]]\n", 2, "malformed TOML (registry is defined in line 1 as something else)")]
    [InlineData("aliases = 1\naliases.a = 'b'\n", 2, "malformed TOML (aliases is defined in line 1 and is not a table)")]
    [InlineData("[registry]\nlocation = 'a.b'\n", 1, "registry is not an array of tables: write [[registry]]")]
    [InlineData("registry = ['a']\n", 1, "registry is not an array of tables: write [[registry]]")]
    [InlineData("[[registry]]\nlocation = 'a.b'\n[registry.mirror]\nlocation = 'c.d'\n", 3, "mirror is not an array of tables: write [[registry.mirror]]")]
    [InlineData("[[registry]]\ninsecure = true\n", 1, "[[registry]] has neither a prefix nor a location")]
    [InlineData("[[registry]]\nlocation = 17\n", 2, "location is not a string")]
    [InlineData("[[registry]]\nlocation = 'a.b'\ninsecure = 'yes'\n", 3, "insecure is not true or false")]
    [InlineData("[[registry]]\nlocation = 'https://a.b'\n", 1, "prefix \"https://a.b\" is a URL; write host[:port][/path], and insecure = true for plain http")]
    [InlineData("[[registry]]\nprefix = 'a.b'\nlocation = 'nodot/x'\n", 1, "location \"nodot/x\" is not host[:port][/path]")]
    [InlineData("[[registry]]\nprefix = 'a.b'\nlocation = 'c.d/x:1'\n", 1, "location \"c.d/x:1\" is not host[:port][/path]")]
    [InlineData("[[registry]]\nprefix = '*.a.b/x'\n", 1, "prefix \"*.a.b/x\" is not *.host")]
    [InlineData("[[registry]]\nprefix = 'a.*.b'\n", 1, "prefix \"a.*.b\" is not host[:port][/path]")]
    [InlineData("[[registry]]\nprefix = 'a.b/x@sha256:12'\n", 1, "prefix \"a.b/x@sha256:12\" is not an image name")]
    [InlineData("[[registry]]\nlocation = 'a.b'\n[[registry]]\nprefix = 'A.b'\n", 3, "there is a [[registry]] with the prefix A.b already")]
    [InlineData("[[registry]]\nlocation = 'a.b'\n[[registry.mirror]]\ninsecure = true\n", 3, "[[registry.mirror]] has no location")]
    [InlineData("[[registry]]\nlocation = 'a.b'\n[[registry.mirror]]\nlocation = 'c.d'\npull-from-mirror = 'never'\n", 3, "pull-from-mirror is \"never\", not all, digest-only or tag-only")]
    [InlineData("[[registry]]\nlocation = 'a.b'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'c.d'\npull-from-mirror = 'all'\n", 4, "pull-from-mirror and the registry's mirror-by-digest-only exclude each other")]
    [InlineData("short-name-mode = 'maybe'\n", 1, "short-name-mode is \"maybe\", not enforcing, permissive or disabled")]
    [InlineData("unqualified-search-registries = 'docker.io'\n", 1, "unqualified-search-registries is not an array of strings")]
    [InlineData("\n[registries.block]\nregistries = ['a.b']\n", 2, "[registries.…] is version 1 of the format, which is not supported; write [[registry]] tables")]
    [InlineData("[aliases]\n'a.b/c' = 'd.e/f'\n", 2, "alias \"a.b/c\" is not a short name without tag and digest")]
    [InlineData("[aliases]\n'a:1' = 'd.e/f'\n", 2, "alias \"a:1\" is not a short name without tag and digest")]
    [InlineData("[aliases]\na = 'b'\n", 2, "alias \"a\" stands for \"b\", which is not a full name without tag and digest")]
    [InlineData("[aliases]\na = 'b.c/d:1'\n", 2, "alias \"a\" stands for \"b.c/d:1\", which is not a full name without tag and digest")]
    [InlineData("[aliases]\na = true\n", 2, "a is not a string")]
    public void Load_Malformed_NamesFileLineAndProblem(string content, int line, string problem)
    {
        var error = Assert.Throws<MicaException>(() => Load(content));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.StartsWith($"{_home.At("etc/registries.conf")}:{line}: {problem}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Load_EndsBehindABackslash_IsMalformed()
    {
        Assert.Equal($"{_home.At("etc/registries.conf")}: malformed TOML (a string does not end)", Assert.Throws<MicaException>(() => Load("a = \"\\")).Message);
    }

    [Fact]
    public void Load_NestedWithoutEnd_IsRefused()
    {
        Assert.StartsWith($"{_home.At("etc/registries.conf")}: malformed TOML", Assert.Throws<MicaException>(() => Load("a=" + new string('[', 100_000))).Message, StringComparison.Ordinal);
        Assert.Throws<MicaException>(() => Load("a=" + string.Concat(Enumerable.Repeat("{b=", 100_000))));
    }

    [Fact]
    public void Load_NotUtf8_IsRefused()
    {
        File.WriteAllBytes(_home.Write("etc/registries.conf", ""), [0x61, 0xFF]);

        Assert.Equal($"{_home.At("etc/registries.conf")}: not UTF-8", Assert.Throws<MicaException>(() => RegistriesConfiguration.Load(Locations, _home)).Message);
    }

    [Fact]
    public void Load_UnknownKeys_AreNoticedOnce()
    {
        Load("""
            future = 1
            credential-helpers = ["containers-auth.json", "secretservice"]
            [[registry]]
            location = "a.b"
            speed = "fast"
            [[registry.mirror]]
            location = "c.d"
            weight = 2026-01-01
            """);

        string path = _home.At("etc/registries.conf");
        Assert.Equal(
            [$"registries.conf has keys that are not used: {path}:1 future, {path}:2 credential-helpers, {path}:5 registry.speed, {path}:8 registry.mirror.weight"],
            _home.Notices);
    }

    [Fact]
    public void Load_FileThatDistributionsShip_IsQuiet()
    {
        Load("""
            # comment
            unqualified-search-registries = ["docker.io"]
            short-name-mode = "enforcing"
            credential-helpers = ["containers-auth.json"]
            [aliases]
              "debian" = "docker.io/library/debian"
            """);

        Assert.Empty(_home.Notices);
    }

    [Theory]
    [InlineData("fedora", "registry.fedoraproject.org/fedora")]
    [InlineData("fedora:41", "registry.fedoraproject.org/fedora:41")]
    [InlineData("fedora" + Digest, "registry.fedoraproject.org/fedora" + Digest)]
    [InlineData("fedora:41" + Digest, "registry.fedoraproject.org/fedora:41" + Digest)]
    [InlineData("team/app:1", "quay.io/other/app:1")]
    [InlineData("debian", "docker.io/library/debian")]
    [InlineData("erased", "docker.io/library/erased")]
    [InlineData("library/fedora", "docker.io/library/fedora")]
    [InlineData("docker.io/fedora", "docker.io/library/fedora")]
    [InlineData("docker.io/library/fedora", "docker.io/library/fedora")]
    [InlineData("quay.io/fedora", "quay.io/fedora")]
    public void ParseReference_Aliases_StandForNamesWithoutRegistry(string text, string expected)
    {
        _home.Write("etc/registries.conf", "[aliases]\n\"erased\" = \"quay.io/erased\"\nfedora = \"registry.fedoraproject.org/fedora\"");
        _home.Write("etc/registries.conf.d/a.conf", "[aliases]\n\"erased\" = \"\"\n\"team/app\" = \"quay.io/other/app\"");

        Assert.Equal(expected, RegistriesConfiguration.Load(Locations, _home).ParseReference(text).ToString());
    }

    [Fact]
    public void ParseReference_OtherSearchRegistries_SaysThatTheyDoNotCount()
    {
        RegistriesConfiguration configuration = Load("unqualified-search-registries = [\"quay.io\", \"docker.io\"]");

        Assert.Equal("docker.io/library/debian", configuration.ParseReference("debian").ToString());
        Assert.Equal("ghcr.io/a/b", configuration.ParseReference("ghcr.io/a/b").ToString());

        Assert.Equal(["debian means docker.io/library/debian: short names are those of docker.io, whatever unqualified-search-registries says"], _home.Notices);
    }

    [Fact]
    public void Endpoints_DockersMirrors_ServeTheHub()
    {
        _home.Write("daemon.json", """{"registry-mirrors":["https://mirror.example/","http://10.1.2.3:5000"],"insecure-registries":["mirror.example","10.0.0.1/8","r.example:5000"],"debug":true}""");
        RegistriesConfiguration configuration = Load();

        Assert.Equal(
            [
                "https://mirror.example mirror.example library/debian mirror insecure",
                "http://10.1.2.3:5000 10.1.2.3:5000 library/debian mirror insecure",
                "https://registry-1.docker.io docker.io library/debian",
            ],
            Show(configuration, "debian"));
        Assert.Equal(["https://registry-1.docker.io docker.io library/debian"], Show(configuration, "debian", forPush: true));
        Assert.Equal(["https://ghcr.io ghcr.io a"], Show(configuration, "ghcr.io/a"));
        Assert.Equal(["https://10.200.0.1:5000 10.200.0.1:5000 a insecure"], Show(configuration, "10.200.0.1:5000/a"));
        Assert.Equal(["https://11.0.0.1 11.0.0.1 a"], Show(configuration, "11.0.0.1/a"));
        Assert.Equal(["https://r.example:5000 r.example:5000 a insecure"], Show(configuration, "r.example:5000/a", forPush: true));
        Assert.Equal(["https://r.example r.example a"], Show(configuration, "r.example/a"));
    }

    [Fact]
    public void Endpoints_RegistriesConfHasTheHub_DockersMirrorsDoNotCount()
    {
        _home.Write("daemon.json", """{"registry-mirrors":["https://mirror.example"]}""");

        Assert.Equal(["https://registry-1.docker.io docker.io library/debian"], Show(Load("[[registry]]\nlocation = 'docker.io'"), "debian"));
    }

    [Theory]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{\n\"proxies\": {\"http-proxy\": http://u:hunter2@p", "malformed JSON at line 2")]
    [InlineData("""{"registry-mirrors":"hunter2"}""", "registry-mirrors is not an array of strings")]
    [InlineData("""{"registry-mirrors":["https://u:hunter2@m.example"]}""", "a registry mirror is not http(s)://host[:port]")]
    [InlineData("""{"registry-mirrors":["https://m.example/path"]}""", "a registry mirror is not http(s)://host[:port]")]
    [InlineData("""{"insecure-registries":[1]}""", "insecure-registries is not an array of strings")]
    [InlineData("""{"insecure-registries":["\ud800"]}""", "malformed JSON: a string that is not Unicode text")]
    public void Load_MalformedDaemonFile_NamesFileAndProblem(string content, string problem)
    {
        string path = _home.Write("daemon.json", content);

        var error = Assert.Throws<MicaException>(() => Load());

        Assert.Equal($"{path}: {problem}", error.Message);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("r.example:99999/a")]
    [InlineData("127.0.0.1:4294967296/a")]
    public void Endpoints_PortThatCannotBe_IsToldFromABug(string reference)
    {
        var error = Assert.Throws<MicaException>(() => Load().Endpoints(ImageReference.Parse(reference), forPush: false));

        Assert.Equal($"\"{reference[..^2]}\" is not the address of a registry", error.Message);
    }

    private RegistriesConfiguration Load(string content = "")
    {
        _home.Write("etc/registries.conf", content);
        return RegistriesConfiguration.Load(Locations, _home);
    }

    private static string[] Show(RegistriesConfiguration configuration, string reference, bool forPush = false) =>
        [.. configuration.Endpoints(ImageReference.Parse(reference), forPush).Select(endpoint =>
            $"{endpoint.BaseAddress.GetLeftPart(UriPartial.Authority)} {endpoint.Host} {endpoint.RepositoryPath}{(endpoint.IsMirror ? " mirror" : "")}{(endpoint.Insecure ? " insecure" : "")}")];
}
