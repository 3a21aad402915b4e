using Mica.Runtime;

namespace Mica.Tests.Runtime;

public sealed class RuntimeFilesTests
{
    private const string Machine = "# comment\nnameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch old.example\nsearch a.example b.example\noptions edns0\n";

    [Fact]
    public void ResolvConf_HostNetwork_KeepsTheMachinesServers()
    {
        string text = NetworkFiles.ResolvConf(Machine, new DnsSettings(), ownNetwork: false);

        Assert.Equal("nameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch a.example b.example\noptions edns0\n", text);
    }

    [Theory]
    [InlineData(Machine, "nameserver 9.9.9.9\n")]
    [InlineData("nameserver ::1\nnameserver fe80::1%eth0\n", "nameserver fe80::1%eth0\n")]
    [InlineData("nameserver 127.0.0.1\n", "nameserver 8.8.8.8\nnameserver 8.8.4.4\n")]
    public void ResolvConf_OwnNetwork_LacksServersOnTheMachineItself(string machine, string beginning)
    {
        string text = NetworkFiles.ResolvConf(machine, new DnsSettings(), ownNetwork: true);

        Assert.StartsWith(beginning, text, StringComparison.Ordinal);
    }

    [Fact]
    public void SubordinateIds_NameNumberAndNonsense_OnlyTheUsersRanges()
    {
        string[] lines = ["other:1:2", "me:100000:65536", "1001:300000:10", "me:4294967295:5", "me:x:1", "", "me:1:0"];

        Assert.Equal([new IdRange(0, 1001, 1), new IdRange(1, 100000, 65536), new IdRange(65537, 300000, 10)], SubordinateIds.Parse(lines, "me", 1001, 1001));
        Assert.Empty(SubordinateIds.Parse(["other:1:2"], "me", 1001, 1001));
    }

    [Theory]
    [InlineData("         0          0 4294967295\n", RuntimeRung.Root)]
    [InlineData("0 1001 1\n1 100000 65536\n", RuntimeRung.SubordinateIds)]
    [InlineData("0 1001 1\n", RuntimeRung.SingleId)]
    public void ReadRung_UidMap_TellsWhoseRootThisIs(string map, RuntimeRung rung) => Assert.Equal(rung, RuntimeProbe.ReadRung(map));

    [Theory]
    [InlineData("executable file `/x` not found in $PATH: No such file or directory", 127)]
    [InlineData("open executable: Permission denied", 126)]
    [InlineData("runc run failed: unable to start container process: exec: \"/x\": stat /x: no such file or directory: unknown", 127)]
    [InlineData("runc run failed: unable to start container process: exec: \"/x\": permission denied: unknown", 126)]
    [InlineData("mount `proc` to `proc`: Operation not permitted", null)]
    public void ClassifyFailure_WordsOfRuntimes_TellWhetherItIsTheProgram(string message, int? code) =>
        Assert.Equal(code, OciRuntime.ClassifyFailure(message));

    [Fact]
    public void Capabilities_MoreThanWeHave_AreLeftOut()
    {
        Assert.Equal(["CAP_CHOWN", "CAP_KILL"], Capabilities.For(isPrivileged: false, 0x21));
        Assert.Equal(["CAP_CHOWN", "CAP_SYS_ADMIN"], Capabilities.For(isPrivileged: true, 0x200001));
        Assert.Equal(14, Capabilities.For(isPrivileged: false, ulong.MaxValue).Count);
    }
}
