using System.Net;
using System.Text.Json.Nodes;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.RegistryServer.Tags;

public sealed class JournalTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Journal_TagMovedTwiceAndRemoved_HasEveryMoveNewestFirst()
    {
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync();
        TestManifest first = await registry.PushImageAsync("app", "v", seed: 1);
        TestManifest second = await registry.PushImageAsync("app", "v", seed: 2);
        await registry.PushImageAsync("app", "other", seed: 3);
        await registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", "/v2/app/manifests/v");

        JsonNode answer = await (await registry.GetAsync("/v2/app/_mica/journal?tag=v")).JsonAsync();

        Assert.Equal(
            [(second.Digest.ToString(), null), (first.Digest.ToString(), second.Digest.ToString()), (null, first.Digest.ToString())],
            answer["moves"]!.AsArray().Select(move => ((string?)move!["from"], (string?)move["to"])));
        Assert.All(answer["moves"]!.AsArray(), move => Assert.Equal("anonymous", (string?)move!["who"]));
        Assert.Equal(4, (await (await registry.GetAsync("/v2/app/_mica/journal")).JsonAsync())["moves"]!.AsArray().Count);
    }

    [Fact]
    public async Task Journal_PushOfTheSameAgain_IsNoMove()
    {
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync();
        TestManifest image = await registry.PushImageAsync("app", "v");
        await registry.PushManifestAsync("app", image, "v");

        JsonNode answer = await (await registry.GetAsync("/v2/app/_mica/journal?tag=v")).JsonAsync();

        Assert.Single(answer["moves"]!.AsArray());
    }

    [Fact]
    public async Task Journal_MoreThanAPage_LinksToTheRest()
    {
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync();
        TestManifest first = await registry.PushImageAsync("app", "v", seed: 1), second = await registry.PushImageAsync("app", "v", seed: 2);
        await registry.PushManifestAsync("app", first, "v");
        await registry.PushManifestAsync("app", second, "v");
        var to = new List<string>();
        string? path = "/v2/app/_mica/journal?tag=v&n=3";
        int pages = 0;

        for (; path is not null; pages++)
        {
            HttpResponseMessage page = await registry.GetAsync(path);
            to.AddRange((await page.JsonAsync())["moves"]!.AsArray().Select(move => (string)move!["to"]!));
            path = page.Header("Link") is { } link ? link[1..link.IndexOf('>', StringComparison.Ordinal)] : null;
        }

        Assert.Equal(2, pages);
        Assert.Equal([second.Digest, first.Digest, second.Digest, first.Digest], to.Select(Digest.Parse));
    }

    [Fact]
    public async Task Undo_MovedTag_StandsForWhatItStoodForAndASecondUndoGoesBack()
    {
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync();
        TestManifest first = await registry.PushImageAsync("app", "v", seed: 1), second = await registry.PushImageAsync("app", "v", seed: 2);
        RegistryRepository repository = Repository(registry, "app:v", out RegistryClient client);
        await using (client)
        {
            RegistryTagMove undone = await repository.UndoTagAsync(target: null, Cancelled);
            Digest? after = (await repository.ResolveAsync("v", Cancelled))?.Digest;
            RegistryTagMove redone = await repository.UndoTagAsync(target: null, Cancelled);

            Assert.Equal((second.Digest, first.Digest), (undone.From, undone.To));
            Assert.Equal(first.Digest, after);
            Assert.Equal((first.Digest, second.Digest), (redone.From, redone.To));
            Assert.Equal(4, await repository.JournalAsync(Cancelled).CountAsync(Cancelled));
        }
    }

    [Fact]
    public async Task Undo_RemovedTag_IsThereAgain()
    {
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync();
        TestManifest image = await registry.PushImageAsync("app", "v");
        await registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", "/v2/app/manifests/v");
        await registry.Server.CollectAsync(Cancelled);

        await registry.ExpectAsync(HttpStatusCode.OK, "POST", "/v2/app/_mica/undo?tag=v");

        Assert.Equal(image.Content, await (await registry.GetAsync("/v2/app/manifests/v")).BytesAsync());
    }

    [Fact]
    public async Task Undo_ToADigestThatIsGone_SaysSo()
    {
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync();
        TestManifest first = await registry.PushImageAsync("app", "v", seed: 1);
        await registry.PushImageAsync("app", "v", seed: 2);
        await registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", $"/v2/app/manifests/{first.Digest}");

        HttpResponseMessage refused = await registry.SendAsync("POST", $"/v2/app/_mica/undo?tag=v&to={first.Digest}");

        Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
        Assert.Equal("MANIFEST_UNKNOWN", await refused.ErrorAsync());
    }

    [Fact]
    public async Task Undo_TagThatNeverMoved_SaysSo()
    {
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync();
        await registry.PushImageAsync("app", "v");

        Assert.Equal(HttpStatusCode.NotFound, (await registry.SendAsync("POST", "/v2/app/_mica/undo?tag=v")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await registry.SendAsync("POST", "/v2/app/_mica/undo?tag=w")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await registry.SendAsync("POST", "/v2/app/_mica/undo?tag=.w")).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await registry.GetAsync("/v2/app/_mica/undo?tag=v")).StatusCode);
    }

    [Fact]
    public async Task OldDigest_OfAMovedTag_IsPulledUntilTheGraceTimeIsOver()
    {
        var time = new FakeTimeProvider();
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync(
            options => options with { Time = time, CollectionInterval = TimeSpan.FromDays(40) });
        TestManifest first = await registry.PushImageAsync("app", "v", seed: 1);
        await registry.PushImageAsync("app", "v", seed: 2);

        time.Jump(TimeSpan.FromDays(6));
        await registry.Server.CollectAsync(Cancelled);
        HttpStatusCode before = (await registry.SendAsync("HEAD", $"/v2/app/manifests/{first.Digest}")).StatusCode;
        time.Jump(TimeSpan.FromDays(2));
        CollectionCounts after = Counts(await registry.Server.CollectAsync(Cancelled));

        Assert.Equal(HttpStatusCode.OK, before);
        Assert.Equal(new CollectionCounts(Manifests: 1, Blobs: 2), after);
        Assert.Equal(HttpStatusCode.NotFound, (await registry.GetAsync($"/v2/app/manifests/{first.Digest}")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await registry.GetAsync("/v2/app/manifests/v")).StatusCode);
    }

    [Fact]
    public async Task ImmutableTag_MovedOrRemoved_IsRefusedAndStays()
    {
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync(
            options => options with { ImmutableTags = ["**:v*"] });
        TestManifest first = await registry.PushImageAsync("team/app", "v1", seed: 1), second = await registry.PushImageAsync("team/app", "latest", seed: 2);

        HttpResponseMessage moved = await registry.SendAsync("PUT", "/v2/team/app/manifests/v1", second.Body());
        HttpResponseMessage removed = await registry.SendAsync("DELETE", "/v2/team/app/manifests/v1");
        HttpResponseMessage below = await registry.SendAsync("DELETE", $"/v2/team/app/manifests/{first.Digest}");

        Assert.All([moved, removed, below], response => Assert.Equal(HttpStatusCode.Conflict, response.StatusCode));
        Assert.Equal(first.Content, await (await registry.GetAsync("/v2/team/app/manifests/v1")).BytesAsync());
        await registry.PushManifestAsync("team/app", first, "v1");
        await registry.PushManifestAsync("team/app", first, "latest");
    }

    private sealed record CollectionCounts(int Manifests, int Blobs);

    private static CollectionCounts Counts(Mica.RegistryServer.Collection.CollectionReport report) => new(report.Manifests, report.Blobs);

    private static RegistryRepository Repository(RegistryServerFixture registry, string name, out RegistryClient client)
    {
        client = new RegistryClient(new RegistryClientOptions { Version = "test" });
        return client.Repository(ImageReference.Parse($"{registry.Server.Address.Authority}/{name}"), progress: null);
    }
}
