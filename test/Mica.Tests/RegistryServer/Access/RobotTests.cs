using System.Net;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;
using static Mica.Tests.RegistryServer.Access.AccessFixture;

namespace Mica.Tests.RegistryServer.Access;

public sealed class RobotTests
{
    [Fact]
    public async Task Robot_HasItsOwnRights_ByPasswordAndByToken()
    {
        await using AccessFixture registry = await StartAsync([]);
        await using RegistryData data = await registry.OpenDataAsync();
        string secret = await data.Robots.AddAsync("ci", ["team/**"], Rights.Read | Rights.Create, null, TestContext.Current.CancellationToken);
        string robot = Basic("robot:ci", secret);

        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("team/app", "1", robot));
        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("team/app", "1", Basic("robot+ci", secret)));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PushAsync("team/app", "1", robot, "moved"));
        Assert.Equal(HttpStatusCode.Forbidden, await registry.PushAsync("other", "1", robot));
        Assert.Equal(HttpStatusCode.OK, await registry.PullAsync("team/app", "1", await registry.BearerAsync("repository:team/app:pull", robot)));
        (HttpStatusCode status, JsonElement answer) = await registry.PostTokenAsync(
            ("grant_type", "password"), ("username", "robot:ci"), ("password", secret), ("scope", "repository:team/app:pull,push"));
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("team/app", "2", "Bearer " + answer.GetProperty("token").GetString()));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("team/app", "1", Basic("robot:ci", secret + "x")));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("team/app", "1", Basic("robot:none", secret)));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("team/app", "1", Basic("robot:none", "")));
    }

    [Fact]
    public async Task Robot_Removed_IsNobodyAtOnce_AndSoIsItsToken()
    {
        await using AccessFixture registry = await StartAsync([]);
        await using RegistryData data = await registry.OpenDataAsync();
        string robot = Basic("robot:ci", await data.Robots.AddAsync("ci", ["**"], Rights.All, null, TestContext.Current.CancellationToken));
        string token = await registry.BearerAsync("repository:app:pull,push", robot);
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", token));

        await data.Robots.RemoveAsync("robot:ci", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", token));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", robot));

        await data.Robots.AddAsync("ci", ["**"], Rights.All, null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", token));
    }

    [Fact]
    public async Task Robot_Expired_IsNobodyAtOnce()
    {
        var time = new FakeTimeProvider();
        await using AccessFixture registry = await StartAsync([], (_, options) => options with { Time = time });
        await using RegistryData data = await registry.OpenDataAsync(time);
        string robot = Basic("robot:ci", await data.Robots.AddAsync("ci", ["**"], Rights.All, TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken));
        string token = await registry.BearerAsync("repository:app:pull,push", robot);
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", token));

        time.Advance(TimeSpan.FromMinutes(5));

        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", robot));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", token));
    }

    [Fact]
    public async Task Robots_AreListed_WithoutSecrets()
    {
        await using AccessFixture registry = await StartAsync([]);
        await using RegistryData data = await registry.OpenDataAsync();
        await data.Robots.AddAsync("b", ["x", "y/**"], Rights.Read, TimeSpan.FromDays(1), TestContext.Current.CancellationToken);
        await data.Robots.AddAsync("a", ["**"], Rights.All, null, TestContext.Current.CancellationToken);

        RegistryRobot[] list = [.. await data.Robots.ListAsync(TestContext.Current.CancellationToken)];

        Assert.Equal(["robot:a", "robot:b"], list.Select(robot => robot.Name));
        Assert.Equal(["x", "y/**"], list[1].Repositories);
        Assert.Equal(list[1].Created + TimeSpan.FromDays(1), list[1].Expires);
        Assert.Null(list[0].LastUsed);
    }

    [Theory]
    [InlineData("", "**", Rights.Read)]
    [InlineData("a b", "**", Rights.Read)]
    [InlineData("robot:x", "**", Rights.Read)]
    [InlineData("ci", "", Rights.Read)]
    [InlineData("ci", "a\nb", Rights.Read)]
    [InlineData("ci", "**", Rights.None)]
    public async Task Add_Invalid_IsRefused(string name, string pattern, Rights rights)
    {
        await using AccessFixture registry = await StartAsync([]);
        await using RegistryData data = await registry.OpenDataAsync();

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => data.Robots.AddAsync(name, [pattern], rights, null, TestContext.Current.CancellationToken));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
    }

    [Fact]
    public async Task Add_Twice_IsRefused()
    {
        await using AccessFixture registry = await StartAsync([]);
        await using RegistryData data = await registry.OpenDataAsync();
        await data.Robots.AddAsync("ci", ["**"], Rights.Read, null, TestContext.Current.CancellationToken);

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => data.Robots.AddAsync("ci", ["**"], Rights.All, null, TestContext.Current.CancellationToken));

        Assert.Equal(ErrorKind.AlreadyExists, error.Kind);
    }
}
