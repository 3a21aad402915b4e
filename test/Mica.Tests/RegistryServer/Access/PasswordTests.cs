using System.Net;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;
using static Mica.Tests.RegistryServer.Access.AccessFixture;

namespace Mica.Tests.RegistryServer.Access;

public sealed class PasswordTests
{
    [Fact]
    public async Task Htpasswd_Changed_CountsWithTheNextRequest()
    {
        var time = new FakeTimeProvider();
        await using AccessFixture registry = await StartAsync([], (_, options) => options with { Time = time });
        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", Alice));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.StatusAsync(HttpMethod.Get, "/v2/", Basic("carol", "new")));

        registry.SetPassword("carol", "new");
        registry.SetPassword("alice", "changed");
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", Basic("carol", "new")));
        Assert.Equal(HttpStatusCode.Unauthorized, await registry.StatusAsync(HttpMethod.Get, "/v2/", Alice));
        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", Basic("alice", "changed")));
    }

    [Fact]
    public async Task Htpasswd_Gone_LetsNobodyIn()
    {
        var time = new FakeTimeProvider();
        await using AccessFixture registry = await StartAsync([], (_, options) => options with { Time = time });
        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", Alice));

        File.Delete(registry.Users);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(HttpStatusCode.Unauthorized, await registry.StatusAsync(HttpMethod.Get, "/v2/", Alice));
    }

    [Theory]
    [InlineData("dave:{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=", "pass")]
    [InlineData("dave:plain", "plain")]
    [InlineData("robot:$2y$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", "x")]
    [InlineData("*:$2y$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", "x")]
    public async Task Htpasswd_LineThatIsNoUser_LetsNobodyIn(string line, string password)
    {
        await using AccessFixture registry = await StartAsync([], (fixture, options) =>
        {
            File.AppendAllText(fixture.Users, line + "\n");
            return options;
        });

        Assert.Equal(HttpStatusCode.Unauthorized, await registry.StatusAsync(HttpMethod.Get, "/v2/", Basic(line.Split(':')[0], password)));
        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", Alice));
        Assert.Contains(":3: not a user with a bcrypt password", registry.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Right_IsRemembered_WrongIsCheckedEachTime()
    {
        string file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, $"alice:{BCrypt.Net.BCrypt.HashPassword("right", 11)}\n", TestContext.Current.CancellationToken);
        using var passwords = new Passwords(
            new HtpasswdFile(file, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance), new FailedLogins(0, TimeProvider.System), TimeProvider.System);
        async Task<(TimeSpan Took, bool IsRight)> Check(string name, string password)
        {
            long start = TimeProvider.System.GetTimestamp();
            string? hash = await passwords.CheckAsync(name, password, "127.0.0.1", TestContext.Current.CancellationToken);
            return (TimeProvider.System.GetElapsedTime(start), hash is not null);
        }

        await Check("alice", "warm up");
        (TimeSpan first, bool firstIsRight) = await Check("alice", "right");
        (TimeSpan second, bool secondIsRight) = await Check("alice", "right");
        (TimeSpan wrong, bool wrongIsRight) = await Check("alice", "wrong");
        (TimeSpan unknown, bool unknownIsRight) = await Check("nobody", "right");
        File.Delete(file);

        Assert.True(firstIsRight && secondIsRight && !wrongIsRight && !unknownIsRight);
        Assert.True(second < first / 5, $"{second} is not much less than {first}");
        Assert.True(unknown > wrong / 4, $"a name that nobody has took {unknown}, a wrong password {wrong}");
    }

    [Fact]
    public async Task FailedLogins_TooMany_PutTheAddressOff()
    {
        var time = new FakeTimeProvider();
        await using AccessFixture registry = await StartAsync(
            [], (_, options) => options with { Time = time, RateLimit = new RateLimitOptions { FailedLoginsPerMinute = 3 } });
        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", Bob));
        for (int count = 0; count < 3; count++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await registry.StatusAsync(HttpMethod.Get, "/v2/", Basic("alice", $"guess {count}")));
        }

        using HttpResponseMessage response = await registry.SendAsync(HttpMethod.Get, "/v2/", Alice);
        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(20), response.Headers.RetryAfter!.Delta);
        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", Bob));
        time.Advance(TimeSpan.FromSeconds(21));
        Assert.Equal(HttpStatusCode.OK, await registry.StatusAsync(HttpMethod.Get, "/v2/", Alice));
    }

    [Fact]
    public void Users_SetAndRemove_LeaveOthersAlone()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("mica-users-").FullName, "users");
        RegistryUsers.Set(file, "alice", "one");
        File.AppendAllText(file, "# a comment\nold:{SHA}x\n");
        RegistryUsers.Set(file, "bob", "two");
        RegistryUsers.Set(file, "alice", "three");

        string[] lines = File.ReadAllLines(file);
        Assert.Equal(["alice", "# a comment", "old", "bob"], lines.Select(line => line.Split(':')[0]));
        Assert.StartsWith("alice:$2y$11$", lines[0], StringComparison.Ordinal);
        Assert.True(BCrypt.Net.BCrypt.Verify("three", lines[0].Split(':')[1]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        RegistryUsers.Remove(file, "alice");
        Assert.Equal(ErrorKind.NotFound, Assert.Throws<MicaException>(() => RegistryUsers.Remove(file, "alice")).Kind);
        Assert.Equal(3, File.ReadAllLines(file).Length);
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    [Theory]
    [InlineData("robot", "x")]
    [InlineData("robot:ci", "x")]
    [InlineData("robot+ci", "x")]
    [InlineData("a:b", "x")]
    [InlineData("anonymous", "x")]
    [InlineData("group:a", "x")]
    [InlineData("alice", "")]
    [InlineData("alice", "1234567890123456789012345678901234567890123456789012345678901234567890123")]
    public void Users_WhatCannotBe_IsRefused(string name, string password) =>
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<MicaException>(() => RegistryUsers.Set("/nonexistent/users", name, password)).Kind);
}
