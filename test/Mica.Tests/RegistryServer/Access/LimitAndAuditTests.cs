using System.Net;
using System.Text.Json;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;
using static Mica.Tests.RegistryServer.Access.AccessFixture;

namespace Mica.Tests.RegistryServer.Access;

public sealed class LimitAndAuditTests
{
    [Fact]
    public async Task Requests_TooMany_AreRefusedWithATime()
    {
        var time = new FakeTimeProvider();
        await using AccessFixture registry = await StartAsync(
            [Rule("anonymous", "**", Rights.Read)],
            (_, options) => options with { Time = time, RateLimit = new RateLimitOptions { RequestsPerSecond = 1, Burst = 3 } });
        for (int count = 0; count < 3; count++)
        {
            Assert.Equal(HttpStatusCode.NotFound, await registry.PullAsync("app", "1"));
        }

        using HttpResponseMessage response = await registry.SendAsync(HttpMethod.Get, "/v2/app/manifests/1");
        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter!.Delta);
        Assert.Equal("TOOMANYREQUESTS", (await ReadAsync(response)).GetProperty("errors")[0].GetProperty("code").GetString());
        Assert.Equal(HttpStatusCode.Forbidden, await registry.StatusAsync(HttpMethod.Delete, "/v2/app/manifests/1", Alice));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.NotFound, await registry.PullAsync("app", "1"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await registry.PullAsync("app", "1"));
    }

    [Fact]
    public void Buckets_OfManyAddresses_StayBounded()
    {
        var time = new FakeTimeProvider();
        var buckets = new TokenBuckets(1, 2, time);

        for (int address = 0; address < 300_000; address++)
        {
            Assert.Null(buckets.Take(address.ToString(null, null)));
        }

        Assert.InRange(buckets.Count, 1, 100_001);
    }

    [Fact]
    public void Buckets_RefillNoFurtherThanTheBurst()
    {
        var time = new FakeTimeProvider();
        var buckets = new TokenBuckets(10, 2, time);
        time.Advance(TimeSpan.FromHours(1));

        Assert.Null(buckets.Take("a"));
        Assert.Null(buckets.Take("a"));
        Assert.Equal(TimeSpan.FromMilliseconds(100), buckets.Take("a"));
        buckets.GiveBack("a");
        Assert.Null(buckets.Take("a"));
        Assert.NotNull(buckets.Take("a"));
    }

    [Fact]
    public async Task Audit_HasChangesAndRefusals_AndNoSecret()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All), Rule("bob", "**", Rights.Read)]);
        await registry.PushAsync("app", "1", Alice);
        await registry.PullAsync("app", "1", Alice);
        await registry.PullAsync("app", "1");
        await registry.StatusAsync(HttpMethod.Delete, "/v2/app/manifests/1", Bob);
        await registry.PullAsync("app", "1", Basic("alice", "hunter2"));
        await registry.PullAsync("app", "1", Basic("hunter3", "hunter4"));
        await registry.StatusAsync(HttpMethod.Get, "/token?scope=repository:hunter5:pull", Basic("bob", "hunter6"));
        string bearer = await registry.BearerAsync("repository:app:pull", Alice);
        await registry.PullAsync("app", "1", bearer + "x");

        // A request is noted once it is answered, so the last line may come after the answer.
        string[] lines = [];
        for (int attempt = 0; lines.Length < 7 && attempt < 200; attempt++)
        {
            await Task.Delay(25, TestContext.Current.CancellationToken);
            lines = await File.ReadAllLinesAsync(registry.AuditFile, TestContext.Current.CancellationToken);
        }

        string[] notes = [.. lines.Select(line =>
        {
            using var note = JsonDocument.Parse(line);
            JsonElement root = note.RootElement;
            Assert.True(root.GetProperty("time").TryGetDateTimeOffset(out _));
            Assert.Equal("127.0.0.1", root.GetProperty("address").GetString());
            return $"{root.GetProperty("who")} {root.GetProperty("method")} {root.GetProperty("path")} {root.GetProperty("status")}";
        })];
        Assert.Equal(
            [
                "alice POST /v2/app/blobs/uploads/ 201",
                "alice PUT /v2/app/manifests/1 201",
                "bob DELETE /v2/app/manifests/1 403",
                "alice GET /v2/app/manifests/1 401",
                "anonymous GET /v2/app/manifests/1 401",
                "bob GET /token 401",
                "anonymous GET /v2/app/manifests/1 401",
            ],
            notes);
        foreach (string secret in (string[])["hunter", Password, Alice["Basic ".Length..], bearer[^40..]])
        {
            Assert.DoesNotContain(secret, string.Concat(lines), StringComparison.Ordinal);
            Assert.DoesNotContain(secret, registry.Log, StringComparison.Ordinal);
        }
    }
}
