using System.Collections;
using System.Reflection;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Configuration;
using Mica.Tests.Repository;
using Microsoft.Extensions.Logging;

namespace Mica.Tests.RegistryServer.Configuration;

public sealed class RegistryConfigurationTests : IDisposable
{
    private const string Everything = """
        dataDirectory: data
        listen: "[::1]:443"
        publicAddress: https://registry.example.com
        tls: { certificateFile: tls/cert.pem, keyFile: tls/key.pem, clientAuthorityFile: tls/ca.pem, requireClientCertificate: true }
        s3: { bucket: images, endpoint: "http://127.0.0.1:9000", region: eu-west-1, prefix: registry/, accessKey: AK, secretKeyFile: s3.key, redirectFrom: 1m }
        postgreSql: Host=db;Database=registry;Username=registry
        postgreSqlPasswordFile: db.password
        limits:
          maxManifestSize: 8m
          maxBlobSize: 20g
          lease: 12h
          grace: 2w
          journal: 400d
          quotas: { team-a: 500g, team-b: 1t }
        access:
          rules:
          - { subjects: ["*"], repositories: ["**"], rights: [read] }
          - { subjects: ["group:dev", "robot:ci"], repositories: [app/*], rights: [read, create, update] }
          htpasswdFile: /etc/users
          groups: { dev: [ann, bob] }
          tokenKeyFile: token.key
          tokenLifetime: 5m
          tokenIssuers: [{ issuer: https://id.example.com, audience: registry, jwks: keys.json, realm: "https://id.example.com/token" }]
          openIdConnect: { issuer: "https://id.example.com", clientId: registry, clientSecretFile: oidc.secret, nameClaim: email, groupsClaim: roles }
          auditFile: audit.log
        rateLimit: { requestsPerSecond: 50, burst: 200, failedLoginsPerMinute: 5 }
        immutableTags: ["app/*:v*"]
        retention: [{ repositories: ["**"], keepLast: 10, keepPulledWithin: 30d, keepPushedWithin: 7d, keepTags: [latest], keepUntagged: 1d }]
        upstreams:
        - registry: docker.io
          prefix: hub
          repositories: [library/*]
          tagLifetime: 10m
          tagLifetimes: [{ tags: "**:latest", lifetime: 30s }]
          offline: true
          keepUnpulled: 90d
          user: me
          passwordFile: hub.password
        sync: [{ registry: quay.io, repositories: [a/b], tags: ["v*"], prefix: mirror, interval: 6h, user: me, passwordFile: quay.password }]
        webhooks: [{ address: "https://hooks.example.com/x", events: [push, pull], repositories: [app/*], secretFile: hook.secret, retention: 1d }]
        eventRetention: 14d
        tracesEndpoint: http://127.0.0.1:4318
        metrics: false
        operationsListen: 127.0.0.1:9090
        logLevel: warning
        accessLog: all
        collectionInterval: 2m
        scrubPeriod: 1h30m
        shutdownDelay: 500ms
        shutdownTimeout: 90s
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("mica-config-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Read_EveryKey_SetsEveryOption()
    {
        RegistryServerOptions options = Read(Everything);

        Assert.Equal(Path.Combine(_directory, "data"), options.DataDirectory);
        Assert.Equal(443, options.Listen.Port);
        Assert.Equal(Path.Combine(_directory, "tls/key.pem"), options.Tls!.KeyFile);
        Assert.Equal(1 << 20, options.S3!.RedirectFrom);
        Assert.Equal(8 << 20, options.Limits.MaxManifestSize);
        Assert.Equal(TimeSpan.FromDays(14), options.Limits.Grace);
        Assert.Equal(1L << 40, options.Limits.Quotas["team-b"]);
        Assert.Equal(Rights.Read | Rights.Create | Rights.Update, options.Access!.Rules[1].Rights);
        Assert.Equal("/etc/users", options.Access.HtpasswdFile);
        Assert.Equal(Path.Combine(_directory, "keys.json"), options.Access.TokenIssuers[0].Jwks);
        Assert.Equal(TimeSpan.FromDays(1), options.Retention[0].KeepUntagged);
        Assert.True(options.Upstreams[0].IsOffline);
        Assert.Equal(TimeSpan.FromSeconds(30), options.Upstreams[0].TagLifetimes[0].Lifetime);
        Assert.Equal(["push", "pull"], options.Webhooks[0].Events);
        Assert.Equal(LogLevel.Warning, options.LogLevel);
        Assert.Equal(TimeSpan.FromMinutes(90), options.ScrubPeriod);
        Assert.Equal(TimeSpan.FromMilliseconds(500), options.ShutdownDelay);
    }

    [Fact]
    public void Read_EveryKey_LeavesNoOptionAtItsDefault()
    {
        using var defaults = JsonDocument.Parse(RegistryConfiguration.Print(Read("")));
        using var all = JsonDocument.Parse(RegistryConfiguration.Print(Read(Everything)));

        Assert.All(defaults.RootElement.EnumerateObject(), property => Assert.NotEqual(
            property.Value.GetRawText(), all.RootElement.GetProperty(property.Name).GetRawText()));
    }

    [Fact]
    public void Schema_OfEveryOption_HasItsKey()
    {
        using var schema = JsonDocument.Parse(RegistryConfiguration.Schema());

        Compare(typeof(RegistryServerOptions), schema.RootElement, ["time", "upstreamClient"]);
    }

    [Fact]
    public void Schema_BesideTheDocumentation_IsTheSame() =>
        Cli.Golden.Verify(Path.Combine(ArchitectureTests.Root, "docs/registry.schema.json"), RegistryConfiguration.Schema());

    [Fact]
    public void Print_OfWhatWasRead_IsReadAsTheSame()
    {
        string printed = RegistryConfiguration.Print(Read(Everything));

        Assert.Equal(printed, RegistryConfiguration.Print(Read(printed)));
    }

    [Theory]
    [InlineData("listne: :5000", "registry.yaml:1: unknown key listne; did you mean listen?")]
    [InlineData("limits:\n  leese: 1h", "registry.yaml:2: unknown key limits.leese; did you mean lease?")]
    [InlineData("access:\n  rules:\n  - subjects: [a]\n    repositories: [b]\n    right: [read]", "registry.yaml:5: unknown key access.rules[0].right; did you mean rights?")]
    [InlineData("access: { rules: [{ subjects: [a], repositories: [b], rights: [raed] }] }", "registry.yaml:1: access.rules[0].rights[0]: has to be one of read, create, update, delete, all, not \"raed\"; did you mean read?")]
    [InlineData("listen: 5000", "registry.yaml:1: listen: has to be an address and a port, such as 127.0.0.1:5000 or [::]:5000, not \"5000\"")]
    [InlineData("scrubPeriod: 30", "registry.yaml:1: scrubPeriod: has to be a time such as 90s, 24h or 7d, not \"30\"; what unit?")]
    [InlineData("scrubPeriod: 2000000d", "registry.yaml:1: scrubPeriod: may be a hundred years at most")]
    [InlineData("limits: { maxBlobSize: big }", "registry.yaml:1: limits.maxBlobSize: has to be a size such as 500m or 20g, not \"big\"")]
    [InlineData("limits: { maxManifestSize: 1k }", "registry.yaml:1: limits.maxManifestSize: has to be from 4194304 to 67108864 bytes, not \"1k\"")]
    [InlineData("metrics: yes", "registry.yaml:1: metrics: has to be true or false, not \"yes\"")]
    [InlineData("metrics: \"true\"", "registry.yaml:1: metrics: has to be true or false, not \"true\"")]
    [InlineData("rateLimit: { burst: -1 }", "registry.yaml:1: rateLimit.burst: has to be a number from 0 to 1000000, not \"-1\"")]
    [InlineData("immutableTags: a", "registry.yaml:1: immutableTags: has to be a list")]
    [InlineData("immutableTags: [1.0]", "registry.yaml:1: immutableTags[0]: has to be text: write \"1.0\" in quotes")]
    [InlineData("limits: { quotas: [a] }", "registry.yaml:1: limits.quotas: has to be a mapping of names to values")]
    [InlineData("tls: { keyFile: k }", "registry.yaml:1: tls.certificateFile is missing")]
    [InlineData("tls:", "registry.yaml:1: tls: has to be a mapping with keys such as certificateFile")]
    [InlineData("listen:", "registry.yaml:1: listen: has no value; give it an address and a port, such as 127.0.0.1:5000 or [::]:5000, or remove the key")]
    [InlineData("s3: { bucket: b, accessKey: a }", "registry.yaml:1: s3.accessKey needs s3.secretKeyFile")]
    [InlineData("tracesEndpoint: ftp://x", "registry.yaml:1: tracesEndpoint: has to be an address such as https://registry.example.com, not \"ftp://x\"")]
    [InlineData("webhooks: [{ address: \"https://u:p@h/\" }]", "registry.yaml:1: webhooks[0].address: may not have a user and password in it")]
    [InlineData("webhooks: [{ address: \"https://h/1\" }, { address: \"https://h/1\" }]", "registry.yaml:1: webhooks has h with the same address twice")]
    [InlineData("- a", "registry.yaml:1: the configuration: has to be a mapping with keys such as dataDirectory")]
    public void Read_SomethingWrong_SaysWhereAndTheWayOut(string text, string expected)
    {
        MicaException error = Assert.Throws<MicaException>(() => Read(text));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Equal(Path.Combine(_directory, expected), error.Message);
    }

    [Theory]
    [InlineData("a: 1\nlisten: :1\nlisten: :2", ":3:")]
    [InlineData("{ \"listen\": \":1\",\n \"listen\": \":2\" }", ":2:")]
    [InlineData("listen: [", ":")]
    [InlineData("listen: *nothing", ":1:")]
    [InlineData("a: 1\n---\nb: 2", ":")]
    [InlineData("a: \u0001", ":")]
    public void Read_NoYaml_SaysWhere(string text, string where)
    {
        MicaException error = Assert.Throws<MicaException>(() => Read(text));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.StartsWith(Path.Combine(_directory, "registry.yaml") + where, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NamesThatGrow_IsRefusedInTime()
    {
        string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + string.Concat(Enumerable.Range(1, 9).Select(
            i => $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));

        MicaException error = Assert.Throws<MicaException>(() => Read(bomb));

        Assert.Contains("too large or too deep", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SeveralThingsWrong_TellsAll()
    {
        MicaException error = Assert.Throws<MicaException>(() => Read("metrics: 7\nlisten: x\nscrubPeriod: soon"));

        Assert.Equal(3, error.Message.Split('\n').Length);
    }

    [Fact]
    public void Read_PasswordInTheConnectionString_IsRefusedWithoutQuotingIt()
    {
        MicaException error = Assert.Throws<MicaException>(() => Read("postgreSql: Host=db;Password=hunter2"));

        Assert.Contains("postgreSqlPasswordFile", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_VariablesAboveTheFile_Win()
    {
        RegistryServerOptions options = Read(
            "listen: 127.0.0.1:1\naccess: { tokenLifetime: 1h, htpasswdFile: users }\nimmutableTags: [a]",
            ("MICA_REGISTRY_LISTEN", ":2"),
            ("MICA_REGISTRY_ACCESS_TOKENLIFETIME", "90s"),
            ("MICA_REGISTRY_IMMUTABLETAGS", """["b", "c"]"""),
            ("MICA_REGISTRY_S3", """{"bucket": "x", "region": "r"}"""),
            ("MICA_REGISTRY_S3_BUCKET", "2026"),
            ("MICA_REGISTRY_METRICS", "false"),
            ("MICA_REGISTRY_SERVICE_HOST", "10.0.0.1"));

        Assert.Equal(2, options.Listen.Port);
        Assert.Equal(TimeSpan.FromSeconds(90), options.Access!.TokenLifetime);
        Assert.Equal(Path.Combine(_directory, "users"), options.Access.HtpasswdFile);
        Assert.Equal(["b", "c"], options.ImmutableTags);
        Assert.Equal(("2026", "r"), (options.S3!.Bucket, options.S3.Region));
        Assert.False(options.Metrics);
    }

    [Fact]
    public void Read_VariableThatIsWrong_IsNamed()
    {
        MicaException error = Assert.Throws<MicaException>(() => Read("", ("MICA_REGISTRY_RATELIMIT_BURST", "many")));

        Assert.StartsWith("$MICA_REGISTRY_RATELIMIT_BURST: rateLimit.burst: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_VariablesOfASectionThatIsNotThere_MakeIt()
    {
        RegistryServerOptions options = RegistryConfiguration.Read(
            null, name => name switch { "MICA_REGISTRY_TLS_CERTIFICATEFILE" => "/c", "MICA_REGISTRY_TLS_KEYFILE" => "/k", _ => null }, "/data");

        Assert.Equal("/data", options.DataDirectory);
        Assert.Equal(("/c", "/k"), (options.Tls!.CertificateFile, options.Tls.KeyFile));
    }

    [Fact]
    public void Read_NoSuchFile_IsNotFound() =>
        Assert.Equal(ErrorKind.NotFound, Assert.Throws<MicaException>(() => RegistryConfiguration.Read("/no/such/file", _ => null, "/d")).Kind);

    [Fact]
    public void Read_FilesInDeploy_PassTheCheck()
    {
        string[] files = [.. Directory.GetFiles(Path.Combine(ArchitectureTests.Root, "deploy"), "registry*.yaml", SearchOption.AllDirectories)];

        Assert.NotEmpty(files);
        Assert.All(files, file => RegistryConfiguration.Read(file, _ => null, "/data"));
    }

    private RegistryServerOptions Read(string text, params (string Name, string Value)[] environment)
    {
        string file = Path.Combine(_directory, "registry.yaml");
        File.WriteAllText(file, text);
        return RegistryConfiguration.Read(file, name => environment.FirstOrDefault(pair => pair.Name == name).Value, "/default");
    }

    /// <summary>Every property of the records has a key of its name, and every key a property.</summary>
    private static void Compare(Type type, JsonElement schema, string[] without)
    {
        PropertyInfo[] properties =
            [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => !without.Contains(Key(property)))];
        JsonElement keys = schema.GetProperty("properties");
        Assert.Equal(properties.Select(Key).Order(StringComparer.Ordinal), keys.EnumerateObject().Select(key => key.Name).Order(StringComparer.Ordinal));
        foreach (PropertyInfo property in properties)
        {
            JsonElement key = keys.GetProperty(Key(property));
            Type value = property.PropertyType;
            if (value.IsGenericType && typeof(IEnumerable).IsAssignableFrom(value))
            {
                (value, key) = (value.GetGenericArguments()[^1], key.TryGetProperty("items", out JsonElement items) ? items : key.GetProperty("additionalProperties"));
            }

            if (value.Namespace!.StartsWith("Mica.", StringComparison.Ordinal) && value.IsClass)
            {
                Compare(value, key, without);
            }
        }
    }

    private static string Key(PropertyInfo property)
    {
        string name = property.Name.StartsWith("Is", StringComparison.Ordinal) && char.IsUpper(property.Name[2]) ? property.Name[2..] : property.Name;
        return char.ToLowerInvariant(name[0]) + name[1..];
    }
}
