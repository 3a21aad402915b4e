using System.Net;
using System.Text;
using Mica.RegistryServer.Access;
using Mica.Tests.Cli;
using static Mica.Tests.RegistryServer.Access.AccessFixture;

namespace Mica.Tests.RegistryServer.Access;

/// <summary><c>mica registry robot</c> and <c>mica registry user</c>, beside a registry that is being served.</summary>
public sealed class AccessCommandTests
{
    [Fact]
    public async Task Robot_CreatedListedAndRemoved_BesideTheServer()
    {
        await using AccessFixture registry = await StartAsync([]);
        var create = new FakeHost();
        Assert.Equal(0, await create.RunAsync(
            "registry", "robot", "create", "ci", "--repository", "team/**", "--repository", "app", "--rights", "read,create", "--data", registry.Data));
        string robot = Basic("robot:ci", create.Output.TrimEnd('\n'));

        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("team/app", "1", robot));
        var list = new FakeHost();
        Assert.Equal(0, await list.RunAsync("registry", "robot", "ls", "--data", registry.Data, "--format", "{{.Name}} {{.Repositories}} {{.Rights}} {{.Expires}}"));
        Assert.Equal("robot:ci team/**,app read,create never\n", list.Output);
        Assert.Equal(0, await new FakeHost().RunAsync("registry", "robot", "rm", "--data", registry.Data, "robot:ci"));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("team/app", "1", robot));
    }

    [Fact]
    public async Task Robot_Expires_InDaysOrAsADuration()
    {
        await using AccessFixture registry = await StartAsync([]);

        Assert.Equal(0, await new FakeHost().RunAsync("registry", "robot", "create", "a", "--repository", "**", "--expires", "90d", "--data", registry.Data));
        Assert.Equal(0, await new FakeHost().RunAsync("registry", "robot", "create", "b", "--repository", "**", "--expires", "12h", "--data", registry.Data));
        Assert.NotEqual(0, await new FakeHost().RunAsync("registry", "robot", "create", "c", "--repository", "**", "--expires", "soon", "--data", registry.Data));
        Assert.NotEqual(0, await new FakeHost().RunAsync("registry", "robot", "create", "d", "--repository", "**", "--rights", "fly", "--data", registry.Data));
        var list = new FakeHost();
        await list.RunAsync("registry", "robot", "ls", "--data", registry.Data, "--format", "{{.Name}} {{.Expires}}");
        Assert.Equal("robot:a 2024-08-30T12:00:00Z\nrobot:b 2024-06-02T00:00:00Z\n", list.Output);
    }

    [Fact]
    public async Task Robot_NoRegistryThere_IsSaid()
    {
        var host = new FakeHost();

        Assert.NotEqual(0, await host.RunAsync("registry", "robot", "ls", "--data", "/nonexistent/registry"));

        Assert.Contains("/nonexistent/registry: no registry has its data here", host.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task User_AddedAndRemoved_BesideTheServer()
    {
        var time = new FakeTimeProvider();
        await using AccessFixture registry = await StartAsync([Rule("carol", "**", Rights.All)], (_, options) => options with { Time = time });

        Assert.Equal(0, await new FakeHost { Input = Encoding.UTF8.GetBytes("new password\n") }.RunAsync("registry", "user", "add", "carol", "--htpasswd", registry.Users));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.Created, await registry.PushAsync("app", "1", Basic("carol", "new password")));
        Assert.Equal(0, await new FakeHost().RunAsync("registry", "user", "rm", "carol", "--htpasswd", registry.Users));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.PullAsync("app", "1", Basic("carol", "new password")));
    }
}
