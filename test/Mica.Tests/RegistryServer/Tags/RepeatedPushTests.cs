using System.Net;
using Mica.Oci;
using Mica.RegistryServer;

namespace Mica.Tests.RegistryServer.Tags;

public sealed class RepeatedPushTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Retention once went by the first push alone, and removed what was pushed again every night.</summary>
    [Fact]
    public async Task Retention_OfATagThatIsPushedAgain_CountsFromTheLastPush()
    {
        var time = new FakeTimeProvider();
        RegistryServerOptions? used = null;
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync(options =>
        {
            options = options with { Time = time };
            used = options with { Retention = [new RetentionRule { Repositories = ["**"], KeepPushedWithin = TimeSpan.FromDays(3) }] };
            return options;
        });
        TestManifest image = await registry.PushImageAsync("app", "nightly");
        time.Jump(TimeSpan.FromDays(5));
        await registry.PushManifestAsync("app", image, "nightly");
        await using RegistryData data = await RegistryData.OpenAsync(used!, Cancelled);

        RetentionDecisionText[] decisions = [.. (await data.RetainAsync(isTrial: true, Cancelled).ToListAsync(Cancelled))
            .Select(decision => new RetentionDecisionText(decision.Tag, decision.IsKept))];

        Assert.Equal([new RetentionDecisionText("nightly", IsKept: true)], decisions);
    }

    [Fact]
    public async Task MediaType_OfADocumentThatIsPushedAgain_StaysWhatItWas()
    {
        await using RegistryServerFixture registry = await RegistryServerFixture.StartAsync();
        byte[] config = RegistryContent.EmptyJson;
        await registry.PushBlobAsync("app", config);
        byte[] text = System.Text.Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"config":{{RegistryContent.Descriptor(config, MediaTypes.OciConfig)}},"layers":[]}""");
        await registry.PushManifestAsync("app", new TestManifest(text, MediaTypes.OciManifest), "v1");

        await registry.PushManifestAsync("app", new TestManifest(text, MediaTypes.DockerManifest));

        using HttpResponseMessage answer = await registry.GetAsync("/v2/app/manifests/v1");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(MediaTypes.OciManifest, answer.Header("Content-Type"));
    }

    private sealed record RetentionDecisionText(string Tag, bool IsKept);
}
