using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Events;
using Mica.RegistryServer.Metadata;
using Mica.Tests.RegistryServer.Operations;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mica.Tests.RegistryServer.Events;

public sealed class WebhookTests : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("mica-events-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly HttpClient _client = WebhookDelivery.CreateClient();
    private PostReceiver? _receiver;
    private SqliteDatabase? _database;
    private int _moves;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await (_receiver?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_database?.DisposeAsync() ?? ValueTask.CompletedTask);
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Push_WithAWebhook_IsToldAsSignedCloudEventsInOrder()
    {
        await using PostReceiver receiver = await PostReceiver.StartAsync();
        byte[] key = RandomNumberGenerator.GetBytes(24);
        string secret = Path.Combine(_directory, "secret");
        await File.WriteAllTextAsync(secret, $"whsec_{Convert.ToBase64String(key)}\nold key\n", Cancelled);
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync(options => options with
        {
            PublicAddress = new Uri("https://registry.example.com"),
            Webhooks = [new WebhookOptions { Address = new Uri(receiver.Address, "/hook"), SecretFile = secret, Repositories = ["team/*"] }],
        });

        await registry.PushAsync("elsewhere", "latest");
        Digest digest = await registry.PushAsync("team/app", "v1");
        await registry.SendAsync("DELETE", $"/v2/team/app/manifests/{digest}");
        Received[] posts = await receiver.WaitAsync(4);

        JsonNode[] events = [.. posts.Select(post => JsonNode.Parse(post.Body)!)];
        Assert.Equal(
            ["io.mica.registry.push", "io.mica.registry.tag", "io.mica.registry.tag", "io.mica.registry.delete"],
            events.Select(one => (string)one["type"]!));
        Assert.All(events, one => Assert.Equal(
            ("1.0", "https://registry.example.com/", "team/app", "application/json"),
            ((string)one["specversion"]!, (string)one["source"]!, (string)one["subject"]!, (string)one["datacontenttype"]!)));
        Assert.Equal(
            (digest.ToString(), "v1", "anonymous"),
            ((string)events[0]["data"]!["digest"]!, (string)events[0]["data"]!["tags"]![0]!, (string)events[0]["data"]!["who"]!));
        Assert.Equal((null, digest.ToString()), ((string?)events[1]["data"]!["was"], (string)events[1]["data"]!["became"]!));
        Assert.Equal((digest.ToString(), null), ((string?)events[2]["data"]!["was"], (string?)events[2]["data"]!["became"]));
        Assert.Equal("application/cloudevents+json; charset=utf-8", posts[0].Headers.ContentType);
        string id = posts[0].Headers["webhook-id"]!;
        Assert.Equal((string)events[0]["id"]!, id);
        byte[] signed = Encoding.UTF8.GetBytes($"{id}.{posts[0].Headers["webhook-timestamp"]}.{posts[0].Text}");
        Assert.Equal(
            $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, signed))} v1,{Convert.ToBase64String(HMACSHA256.HashData("old key"u8, signed))}",
            posts[0].Headers["webhook-signature"]);
    }

    [Fact]
    public async Task Push_ThatIsRefused_LeavesNoEvent()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync(options => options with { ImmutableTags = ["app:v1"] });
        await registry.PushAsync("app", "v1", "first");
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => registry.PushAsync("app", "v1", "second"));

        await using RegistryData data = await RegistryData.OpenAsync(registry.Options, Cancelled);
        ImmutableArray<RegistryEvent> events = await data.EventsAsync("app", 10, Cancelled);

        Assert.Equal(["tag", "push"], events.Select(one => one.Kind));
        Assert.All(events, one => Assert.Equal(0, one.Waiting));
    }

    [Fact]
    public async Task Pulls_OfSomebodyWhoAsked_AreToldTogether()
    {
        await using PostReceiver receiver = await PostReceiver.StartAsync();
        OperatedRegistry registry = await OperatedRegistry.StartAsync(options => options with
        {
            Webhooks = [new WebhookOptions { Address = receiver.Address, Events = ["pull"] }],
        });
        await using (registry)
        {
            await registry.PushAsync("app", "latest");
            await registry.GetAsync("/v2/app/manifests/latest");
            await registry.GetAsync("/v2/app/manifests/latest");
            await registry.Server.DisposeAsync();

            await using RegistryData data = await RegistryData.OpenAsync(registry.Options, Cancelled);
            RegistryEvent pull = (await data.EventsAsync(null, 1, Cancelled))[0];

            Assert.Equal(("pull", 1), (pull.Kind, pull.Waiting));
            Assert.Equal(2, (int)JsonNode.Parse(pull.Body)!["data"]!["count"]!);
        }
    }

    [Fact]
    public async Task Delivery_ReceiverFails_HoldsUpItsRepositoryAlone()
    {
        bool isBroken = true;
        WebhookDelivery delivery = await PrepareAsync();
        _receiver!.Answer = post => isBroken && post.Text.Contains("\"bad\"", StringComparison.Ordinal) ? 500 : 200;
        await MoveAsync("bad", "good", "bad", "good");

        await delivery.RunAsync(Cancelled);
        Assert.Equal(["bad 1", "good 2", "good 4"], Subjects().Order());
        isBroken = false;
        await delivery.RunAsync(Cancelled);
        Assert.Equal(3, _receiver.Received.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        await delivery.RunAsync(Cancelled);

        Assert.Equal(["bad 1", "bad 1", "bad 3"], Subjects().Where(subject => subject.StartsWith("bad", StringComparison.Ordinal)));
        Assert.Single(_receiver.Received.Where(post => post.Text.Contains("\"t1\"", StringComparison.Ordinal))
            .Select(post => post.Headers["webhook-id"].ToString()).Distinct());
    }

    [Fact]
    public async Task Delivery_ThatKeepsFailing_IsTriedLessAndLessAndGivenUp()
    {
        WebhookDelivery delivery = await PrepareAsync(retention: TimeSpan.FromMinutes(1));
        _receiver!.Answer = static _ => 503;
        await MoveAsync("app");

        for (int second = 0; second < 200; second++)
        {
            await delivery.RunAsync(Cancelled);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        // After 0, 1, 3, 7, 15, 31 and 63 seconds; then it is older than a minute.
        Assert.Equal(7, _receiver.Received.Count);
        Assert.Equal(0, await WaitingAsync());
    }

    [Fact]
    public async Task Delivery_ReceiverIsGone_IsGivenUpAtOnce()
    {
        WebhookDelivery delivery = await PrepareAsync();
        _receiver!.Answer = static _ => 410;
        await MoveAsync("app");

        await delivery.RunAsync(Cancelled);

        Assert.Equal(0, await WaitingAsync());
    }

    [Fact]
    public async Task Delivery_ByTwoReplicas_HappensOnce()
    {
        WebhookDelivery first = await PrepareAsync();
        await using SqliteDatabase other = await SqliteDatabase.OpenAsync(Path.Combine(_directory, "metadata.db"), Cancelled);
        WebhookDelivery second = Delivery(other, TimeSpan.FromDays(1));
        await MoveAsync([.. Enumerable.Range(0, 40).Select(number => $"r{number % 10}")]);

        // One may end early because the other has claimed all that is due.
        for (int round = 0; round < 20 && await WaitingAsync() > 0; round++)
        {
            await Task.WhenAll(first.RunAsync(Cancelled), second.RunAsync(Cancelled));
        }

        Assert.Equal(40, _receiver!.Received.Count);
        Assert.Equal(40, _receiver.Received.Select(post => post.Headers["webhook-id"].ToString()).Distinct().Count());
        Assert.All(
            Subjects().GroupBy(subject => subject.Split(' ')[0]),
            repository => Assert.Equal(
                repository.OrderBy(subject => int.Parse(subject.Split(' ')[1], CultureInfo.InvariantCulture)), repository));
    }

    [Fact]
    public async Task Delivery_ClaimedByAReplicaThatDied_IsTakenOver()
    {
        WebhookDelivery delivery = await PrepareAsync();
        await MoveAsync("app");
        long now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        await _database!.WriteAsync(async session => { await session.RunAsync("UPDATE deliveries SET claimed = $1", now + 60_000); }, Cancelled);

        await delivery.RunAsync(Cancelled);
        Assert.Empty(_receiver!.Received);
        _time.Advance(TimeSpan.FromSeconds(61));
        await delivery.RunAsync(Cancelled);

        Assert.Single(_receiver.Received);
    }

    [Fact]
    public async Task Replay_AfterAnEvent_SendsThoseBehindItAgain()
    {
        WebhookDelivery delivery = await PrepareAsync();
        await MoveAsync("a", "b", "c");
        await delivery.RunAsync(Cancelled);
        await using RegistryData data = await RegistryData.OpenAsync(
            new RegistryServerOptions { DataDirectory = _directory, Webhooks = [Options(TimeSpan.FromDays(1))], Time = _time }, Cancelled);
        long first = (await data.EventsAsync("a", 1, Cancelled))[0].Id;

        Assert.Equal(2, await data.ReplayAfterAsync(first, Cancelled));
        Assert.Equal(1, await data.ReplayAsync(first, Cancelled));
        await delivery.RunAsync(Cancelled);

        Assert.Equal(["a 1", "a 1", "b 2", "b 2", "c 3", "c 3"], Subjects().Order());
        await Assert.ThrowsAsync<MicaException>(() => data.ReplayAsync(99, Cancelled));
    }

    [Fact]
    public async Task Expire_OldEvents_KeepsThoseThatSomebodyWaitsFor()
    {
        WebhookDelivery delivery = await PrepareAsync();
        await MoveAsync("a");
        await delivery.RunAsync(Cancelled);
        await MoveAsync("b");
        _time.Advance(TimeSpan.FromDays(8));
        long before = (_time.GetUtcNow() - TimeSpan.FromDays(7)).ToUnixTimeMilliseconds();

        int removed = await _database!.WriteAsync(
            session => EventRows.ExpireAsync(session, [new WebhookReceiver(Options(TimeSpan.FromDays(1))).Key], before, 100), Cancelled);
        int orphaned = await _database.WriteAsync(session => EventRows.ExpireAsync(session, [], before, 100), Cancelled);

        Assert.Equal((1, 1), (removed, orphaned));
    }

    private async Task<WebhookDelivery> PrepareAsync(TimeSpan? retention = null)
    {
        _receiver = await PostReceiver.StartAsync();
        _database = await SqliteDatabase.OpenAsync(Path.Combine(_directory, "metadata.db"), Cancelled);
        return Delivery(_database, retention ?? TimeSpan.FromDays(1));
    }

    private WebhookDelivery Delivery(MetadataDatabase database, TimeSpan retention) => new(
        new WebhookReceiver(Options(retention)), database, _client, new RegistryMetrics(), _time, NullLogger<WebhookDelivery>.Instance);

    private WebhookOptions Options(TimeSpan retention) => new() { Address = _receiver!.Address, Retention = retention };

    /// <summary>Writes an event for each repository; the tags count them.</summary>
    private async Task MoveAsync(params string[] repositories)
    {
        var outbox = new EventOutbox([new WebhookReceiver(Options(TimeSpan.FromDays(1)))], isKept: true, source: null);
        foreach (string repository in repositories)
        {
            string tag = $"t{++_moves}";
            await _database!.WriteAsync(
                session => outbox.MovedAsync(session, repository, tag, null, Digest.Of("x"u8), "me", _time.GetUtcNow().ToUnixTimeMilliseconds()), Cancelled);
        }
    }

    private IEnumerable<string> Subjects() => _receiver!.Received.Select(post => JsonNode.Parse(post.Body)!)
        .Select(one => $"{one["subject"]} {((string)one["data"]!["tag"]!)[1..]}");

    private Task<long> WaitingAsync() => _database!.ReadAsync(session => session.NumberAsync("SELECT COUNT(*) FROM deliveries"), Cancelled);
}
