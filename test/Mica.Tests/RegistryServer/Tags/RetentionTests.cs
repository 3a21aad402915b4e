using System.Net;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Collection;

namespace Mica.Tests.RegistryServer.Tags;

public sealed class RetentionTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Retention_OfSomeRepositories_KeepsTheLastThePulledAndThoseOfAPattern()
    {
        var time = new FakeTimeProvider();
        RegistryServerOptions? used = null;
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync(options =>
        {
            used = options with
            {
                Time = time,
                Retention = [new RetentionRule { Repositories = ["team/*"], KeepLast = 2, KeepPulledWithin = TimeSpan.FromDays(10), KeepTags = ["release-*"] }],
            };

            // The server itself has no rules: it would apply them each hour that the clock is moved by.
            return used with { Retention = [], CollectionInterval = TimeSpan.FromDays(40) };
        });
        foreach (string tag in (string[])["release-1", "a", "b", "c", "d", "e"])
        {
            await registry.PushImageAsync("team/app", tag, seed: tag[0]);
            time.Jump(TimeSpan.FromMinutes(1));
        }

        await registry.PushImageAsync("other/app", "a", seed: 99);
        time.Jump(TimeSpan.FromDays(5));
        await registry.GetAsync("/v2/team/app/manifests/b");
        await registry.RestartAsync();

        List<RetentionDecision> trial = await DecideAsync(used!, isTrial: true);
        string[] afterTrial = await TagsAsync(registry, "team/app");
        await DecideAsync(used!, isTrial: false);
        await registry.RestartAsync();

        Assert.Equal(
            ["a: remove", "b: keep pulled 0 minutes ago", "c: remove", "d: keep number 2 of the last 2", "e: keep number 1 of the last 2", "release-1: keep matches release-*"],
            trial.OrderBy(decision => decision.Tag, StringComparer.Ordinal)
                .Select(decision => $"{decision.Tag}: {(decision.IsKept ? "keep " + decision.Reason : "remove")}"));
        Assert.Contains("never pulled", trial.Single(decision => decision.Tag == "a").Reason, StringComparison.Ordinal);
        Assert.Equal(6, afterTrial.Length);
        Assert.Equal(["b", "d", "e", "release-1"], await TagsAsync(registry, "team/app"));
        Assert.Equal(["a"], await TagsAsync(registry, "other/app"));
    }

    [Fact]
    public async Task Retention_ThatRemovedATag_CanBeUndone()
    {
        RegistryServerOptions? used = null;
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync(options => used = options with
        {
            Retention = [new RetentionRule { Repositories = ["**"], KeepLast = 1 }],
        });
        TestManifest old = await registry.PushImageAsync("app", "old", seed: 1);
        await registry.PushImageAsync("app", "new", seed: 2);
        await DecideAsync(used!, isTrial: false);
        await registry.RestartAsync();

        HttpStatusCode gone = (await registry.GetAsync("/v2/app/manifests/old")).StatusCode;
        await registry.ExpectAsync(HttpStatusCode.OK, "POST", "/v2/app/_mica/undo?tag=old");

        Assert.Equal(HttpStatusCode.NotFound, gone);
        Assert.Equal(old.Content, await (await registry.GetAsync("/v2/app/manifests/old")).BytesAsync());
        Assert.Equal("retention", (string?)(await (await registry.GetAsync("/v2/app/_mica/journal?tag=old")).JsonAsync())["moves"]![1]!["who"]);
    }

    [Fact]
    public async Task Retention_OfImmutableTags_RemovesNone()
    {
        RegistryServerOptions? used = null;
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync(options => used = options with
        {
            ImmutableTags = ["**:v*"],
            Retention = [new RetentionRule { Repositories = ["**"], KeepLast = 1 }],
        });
        await registry.PushImageAsync("app", "v1", seed: 1);
        await registry.PushImageAsync("app", "latest", seed: 2);

        List<RetentionDecision> decisions = await DecideAsync(used!, isTrial: false);

        Assert.Equal("immutable", decisions.Single(decision => decision.Tag == "v1").Reason);
        Assert.All(decisions, decision => Assert.True(decision.IsKept));
    }

    [Fact]
    public async Task Explain_LayerOfAnIndexedImage_NamesTheTagAtTheTop()
    {
        RegistryServerOptions? used = null;
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync(options => used = options);
        TestManifest image = await registry.PushImageAsync("app", reference: null, seed: 1);
        TestManifest index = RegistryContent.Index(image);
        await registry.PushManifestAsync("app", index, "v");
        await using RegistryData data = await RegistryData.OpenAsync(used!, Cancelled);

        var reasons = await data.ExplainAsync(Digest.Of(RegistryContent.Bytes(1000, 1)), Cancelled);

        Assert.Contains(reasons, reason => reason.StartsWith("app: tag v -> ", StringComparison.Ordinal) && reason.EndsWith("blob", StringComparison.Ordinal));
        Assert.Contains(reasons, reason => reason.Contains("held until", StringComparison.Ordinal));
        Assert.Empty(await data.ExplainAsync(Digest.Of("nothing"u8), Cancelled));
    }

    private static async Task<List<RetentionDecision>> DecideAsync(RegistryServerOptions options, bool isTrial)
    {
        await using RegistryData data = await RegistryData.OpenAsync(options, Cancelled);
        return await data.RetainAsync(isTrial, Cancelled).ToListAsync(Cancelled);
    }

    private static async Task<string[]> TagsAsync(RegistryServerFixture registry, string repository) =>
        [.. (await (await registry.GetAsync($"/v2/{repository}/tags/list")).JsonAsync())["tags"]!.AsArray().Select(tag => (string)tag!)];
}
