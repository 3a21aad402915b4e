using System.Diagnostics;
using System.Net;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;
using static Mica.Tests.RegistryServer.Access.AccessFixture;

namespace Mica.Tests.RegistryServer.Access;

/// <summary>Another client's idea of the token protocol; where there is no skopeo, there is nothing to see.</summary>
public sealed class SkopeoTests
{
    [Fact]
    public async Task Skopeo_LogsInAndCopies_WithUserAndRobot()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/skopeo"), "there is no skopeo");
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All)]);
        await using RegistryData data = await registry.OpenDataAsync();
        string secret = await data.Robots.AddAsync("ci", ["ci/**"], Rights.Read | Rights.Create, null, TestContext.Current.CancellationToken);
        string host = registry.Address.Authority;
        string authFile = Path.Combine(registry.Directory, "auth.json");
        await registry.PushAsync("app", "1", Alice);

        (int code, string text) = await SkopeoAsync("login", "--tls-verify=false", "--authfile", authFile, "-u", "alice", "-p", "wrong", host);
        Assert.True(code != 0, text);
        (code, text) = await SkopeoAsync("login", "--tls-verify=false", "--authfile", authFile, "-u", "alice", "-p", Password, host);
        Assert.True(code == 0, text);
        (code, text) = await SkopeoAsync(
            "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--authfile", authFile, $"docker://{host}/app:1", $"docker://{host}/copy:1");
        Assert.True(code == 0, text);
        (code, text) = await SkopeoAsync(
            "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-authfile", authFile, "--dest-creds", $"robot:ci:{secret}", $"docker://{host}/app:1", $"docker://{host}/ci/app:1");
        Assert.True(code == 0, text);
        (code, text) = await SkopeoAsync(
            "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-authfile", authFile, "--dest-creds", $"robot:ci:{secret}", $"docker://{host}/app:1", $"docker://{host}/other:1");
        Assert.True(code != 0, text);
        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("ci/app", "1", Alice));
        Assert.Equal(HttpStatusCode.NotFound, await registry.PullAsync("other", "1", Alice));
    }

    private static async Task<(int Code, string Text)> SkopeoAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/skopeo", ["--insecure-policy", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + error);
    }
}
