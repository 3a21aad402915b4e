using System.Net.Sockets;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Tests.Runtime;

public sealed class ContainerMountTests : IDisposable
{
    private readonly RuntimeFixture _fixture = new();

    [Fact]
    public async Task Bind_ReadWrite_ChangesTheHost()
    {
        string cache = _fixture.MakeDirectory("cache");

        await RunAsync("echo x > /var/cache/new/file", new BindMount(cache, "/var/cache/new"));

        Assert.Equal("x\n", await File.ReadAllTextAsync(Path.Combine(cache, "file"), TestContext.Current.CancellationToken));
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Bind_ReadOnly_CannotBeWritten()
    {
        string source = _fixture.MakeDirectory("source");
        RuntimeFixture.Write(source, "file", "content");

        string output = await RunAsync("cat /mnt/file; echo x > /mnt/file || echo no", new BindMount(source, "/mnt") { IsReadOnly = true });

        Assert.Equal("contentno\n", output);
    }

    [Fact]
    public async Task Bind_OneInsideTheOther_BothAreSeen()
    {
        string outer = _fixture.MakeDirectory("outer");
        string inner = _fixture.MakeDirectory("inner");
        RuntimeFixture.Write(inner, "file", "inner");

        string output = await RunAsync("cat /a/b/file", new BindMount(outer, "/a"), new BindMount(inner, "/a/b"));

        Assert.Equal("inner", output);
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Bind_Socket_CanBeTalkedTo()
    {
        string path = Path.Combine(_fixture.MakeDirectory("agent"), "socket");
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen();

        string output = await RunAsync("stat -c %F /run/ssh/agent.0", new BindMount(path, "/run/ssh/agent.0"));

        Assert.Equal("socket\n", output);
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Bind_MissingSource_IsNamed()
    {
        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => RunAsync("true", new BindMount("/nowhere/at/all", "/mnt")));

        Assert.Equal(ErrorKind.NotFound, failure.Kind);
        Assert.Contains("/nowhere/at/all", failure.Message, StringComparison.Ordinal);
        _fixture.AssertNothingLeft();
    }

    [Fact]
    public async Task Tree_OfOneAndOfTwoLayers_IsReadOnly()
    {
        string low = _fixture.MakeDirectory("low"), high = _fixture.MakeDirectory("high");
        RuntimeFixture.Write(low, "d/low", "low");
        RuntimeFixture.Write(high, "d/high", "high");

        string output = await RunAsync(
            "cat /one/low; cat /two/low; cat /two/high; cat /file; touch /one/x /two/x || echo no",
            new TreeMount([low], "d", "/one"), new TreeMount([high, low], "/d", "/two"), new TreeMount([high, low], "d/high", "/file"));

        Assert.Equal("lowlowhighhighno\n", output);
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Tree_DiscardsWrites_NobodySeesThem()
    {
        string low = _fixture.MakeDirectory("low");
        RuntimeFixture.Write(low, "d/file", "low");

        string output = await RunAsync("echo new > /t/file; rm -r /t/x; cat /t/file", new TreeMount([low], "d", "/t") { DiscardsWrites = true });

        Assert.Equal("new\n", output);
        Assert.Equal("low", await File.ReadAllTextAsync(Path.Combine(low, "d/file"), TestContext.Current.CancellationToken));
        _fixture.AssertNothingLeft();
    }

    [Fact]
    public async Task Tree_LinkThatLeadsOut_StaysInside()
    {
        string tree = _fixture.MakeDirectory("tree");
        File.CreateSymbolicLink(Path.Combine(tree, "out"), "/etc");
        RuntimeFixture.Write(tree, "etc/passwd", "of the tree");

        string output = await RunAsync("cat /t/passwd", new TreeMount([tree], "out/../../../out", "/t"));

        Assert.Equal("of the tree", output);
    }

    [Fact]
    public async Task Tree_MissingPath_IsNamed()
    {
        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => RunAsync("true", new TreeMount([_fixture.Layer], "nope", "/t")));

        Assert.Equal((ErrorKind.NotFound, "nope: not found, so it cannot be mounted on /t"), (failure.Kind, failure.Message));
    }

    [Fact]
    public async Task Tmpfs_WithSize_IsFullAtThatSize()
    {
        string output = await RunAsync(
            "dd if=/dev/zero of=/tmp/x/file bs=1k count=2000 2>/dev/null || echo full; stat -c %s /tmp/x/file",
            new TmpfsMount("/tmp/x") { SizeBytes = 1 << 20 });

        Assert.Equal("full\n1048576\n", output);
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Secret_ModeAndOwner_AreThoseAskedFor()
    {
        string output = await RunAsync(
            "cat /run/secrets/key; stat -c '%a %u %g' /run/secrets/key; echo x > /run/secrets/key || echo no",
            new SecretMount("hush\n"u8.ToArray(), "/run/secrets/key") { Mode = 0x120, Uid = 7, Gid = 8 });

        Assert.Equal("hush\n440 7 8\nno\n", output);
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Destination_ThroughLinksOfTheRoot_StaysInside()
    {
        File.CreateSymbolicLink(Path.Combine(_fixture.Layer, "link"), "../../../../escape");
        Directory.CreateDirectory(Path.Combine(_fixture.Layer, "run"));
        File.Delete(Path.Combine(_fixture.Layer, "etc/resolv.conf"));
        File.CreateSymbolicLink(Path.Combine(_fixture.Layer, "etc/resolv.conf"), "../run/resolve/stub");

        string output = await RunAsync("cat /escape/secret; cat /run/resolve/stub | grep -c .", new SecretMount("s\n"u8.ToArray(), "/link/secret"));

        Assert.StartsWith("s\n", output, StringComparison.Ordinal);
        Assert.False(Path.Exists("/escape"));
        Assert.Equal("", _fixture.Changes());
    }

    [Fact]
    public async Task Stub_DirectoryThatContainerChanged_IsKept()
    {
        string output = await RunAsync("echo x > /made/beside; chmod 711 /etc", new TmpfsMount("/made/here"));

        Assert.Equal("", output);
        Assert.Equal("etc\nmade\nmade/beside", _fixture.Changes());
        using DirectoryHandle upper = DirectoryHandle.Open(_fixture.Upper);
        Assert.Equal(0x1c9u, upper.GetStatus("etc"u8).Mode);
    }

    [Fact]
    public async Task Stub_OnlyTimesOfParents_ArePutBack()
    {
        using DirectoryHandle layer = DirectoryHandle.Open(_fixture.Layer);
        FileTime old = new(1_000_000_000, 123);
        layer.SetTimes("etc"u8, old, old);

        string output = await RunAsync("stat -c %Y /etc; echo x > /etc/passwd", new TmpfsMount("/etc/a/b"));

        Assert.Equal("1000000000\n", output);
        Assert.Equal("etc\netc/passwd", _fixture.Changes());
        using DirectoryHandle upper = DirectoryHandle.Open(_fixture.Upper);
        Assert.Equal(old, upper.GetStatus("etc"u8).Modified);
    }

    private async Task<string> RunAsync(string script, params ContainerMount[] mounts)
    {
        var (_, output, _) = await _fixture.RunAsync(_fixture.Shell(script) with { Mounts = [.. mounts] });
        return output;
    }

    public void Dispose() => _fixture.Dispose();
}
