using System.Net;
using Mica.RegistryServer.Access;
using static Mica.Tests.RegistryServer.Access.AccessFixture;

namespace Mica.Tests.RegistryServer.Access;

public sealed class RightsTests
{
    private const Rights Push = Rights.Create | Rights.Update;

    [Fact]
    public async Task Read_Alone_PullsAndDoesNothingElse()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All), Rule("bob", "**", Rights.Read)]);
        await registry.PushAsync("app", "1", Alice);

        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("app", "1", Bob));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PushAsync("app", "2", Bob));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.StatusAsync(HttpMethod.Delete, "/v2/app/manifests/1", Bob));
    }

    [Fact]
    public async Task Create_Alone_MakesTagsAndMovesNone()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All), Rule("bob", "**", Rights.Read | Rights.Create)]);
        await registry.PushAsync("app", "1", Alice);

        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "2", Bob, "two"));
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "2", Bob, "two"));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PushAsync("app", "1", Bob, "two"));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.StatusAsync(HttpMethod.Delete, "/v2/app/manifests/1", Bob));
    }

    [Fact]
    public async Task Update_Alone_MovesTagsAndMakesNone()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All), Rule("bob", "**", Rights.Update)]);
        await registry.PushAsync("app", "1", Alice);

        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", Bob, "moved"));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PushAsync("app", "2", Bob, "moved"));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PullAsync("app", "1", Bob));
    }

    [Fact]
    public async Task Delete_Alone_RemovesAndDoesNothingElse()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All), Rule("bob", "**", Rights.Delete)]);
        await registry.PushAsync("app", "1", Alice);

        Assert.Equal(HttpStatusCode.Forbidden, await registry.PullAsync("app", "1", Bob));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PushAsync("app", "2", Bob));
        Assert.Equal(HttpStatusCode.Accepted, await registry.StatusAsync(HttpMethod.Delete, "/v2/app/manifests/1", Bob));
    }

    [Fact]
    public async Task Patterns_OtherRepository_GiveNothing()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "team/*", Rights.All)]);

        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("team/app", "1", Alice));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PushAsync("team/app/deep", "1", Alice));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PushAsync("teams", "1", Alice));
    }

    [Fact]
    public async Task Groups_OfConfiguration_Count()
    {
        await using AccessFixture registry = await StartAsync(
            [Rule("group:dev", "**", Rights.All)],
            (_, options) => options with { Access = options.Access! with { Groups = options.Access.Groups.Add("dev", ["alice"]) } });

        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", Alice));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PushAsync("app", "1", Bob));
    }

    [Fact]
    public async Task Anonymous_MayReadOnly_PullsAndIsAskedToLogInForPush()
    {
        await using AccessFixture registry = await StartAsync([Rule("anonymous", "**", Rights.Read), Rule("*", "**", Push)]);

        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PushAsync("app", "1", null));
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", Alice));
        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("app", "1"));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Basic("alice", "wrong")));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", "Bearer nonsense"));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", "Digest nonsense"));
    }

    [Fact]
    public async Task Mount_WithoutReadOnSource_FallsBackToUpload()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All), Rule("bob", "mine/**", Rights.All)]);
        (_, var secret) = await registry.PushBlobAsync("secret", "layer", Alice);
        (_, var own) = await registry.PushBlobAsync("mine/one", "other layer", Bob);

        Assert.Equal(HttpStatusCode.Accepted, await registry.StatusAsync(HttpMethod.Post, $"/v2/mine/app/blobs/uploads/?mount={secret}&from=secret", Bob));
        Assert.Equal(HttpStatusCode.Accepted, await registry.StatusAsync(HttpMethod.Post, $"/v2/mine/app/blobs/uploads/?mount={secret}", Bob));
        Assert.Equal(HttpStatusCode.NotFound, await registry.StatusAsync(HttpMethod.Head, $"/v2/mine/app/blobs/{secret}", Bob));
        Assert.Equal(HttpStatusCode.Created, await registry.StatusAsync(HttpMethod.Post, $"/v2/mine/app/blobs/uploads/?mount={own}&from=mine/one", Bob));
        string narrow = await registry.BearerAsync("repository:mine/app:pull,push", Bob);
        Assert.Equal(HttpStatusCode.Accepted, await registry.StatusAsync(HttpMethod.Post, $"/v2/mine/app/blobs/uploads/?mount={own}&from=mine/one", narrow));
    }

    [Fact]
    public async Task Catalog_ShowsOnlyWhatMayBeRead()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.All), Rule("bob", "open/**", Rights.Read)]);
        await registry.PushAsync("open/app", "1", Alice);
        await registry.PushAsync("closed/app", "1", Alice);

        Assert.Equal(["closed/app", "open/app"], await CatalogAsync(registry, Alice));
        Assert.Equal(["open/app"], await CatalogAsync(registry, Bob));
        Assert.Equal(["open/app"], await CatalogAsync(registry, await registry.BearerAsync("registry:catalog:*", Bob)));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.StatusAsync(HttpMethod.Get, "/v2/_catalog"));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.StatusAsync(HttpMethod.Get, "/v2/_catalog", await registry.BearerAsync("repository:open/app:pull", Bob)));
    }

    [Fact]
    public async Task NoAccessOptions_EverythingIsOpen()
    {
        await using AccessFixture registry = await StartAsync([], (_, options) => options with { Access = null });

        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/"));
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", null));
        Assert.Equal(HttpStatusCode.NotFound, await registry.StatusAsync(HttpMethod.Get, "/token"));
    }

    private static async Task<string[]> CatalogAsync(AccessFixture registry, string authorization)
    {
        using HttpResponseMessage response = await registry.SendAsync(HttpMethod.Get, "/v2/_catalog", authorization);
        return [.. (await ReadAsync(response)).GetProperty("repositories").EnumerateArray().Select(name => name.GetString()!)];
    }
}
