using System.Text;
using Mica.Build;
using Mica.Cli.Building;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Cli.Building;

public sealed class BuildFlagTests
{
    [Fact]
    public void Arguments_NameAlone_TakesTheEnvironmentsValueOrNothing()
    {
        Dictionary<string, string> environment = new() { ["A"] = "from outside" };

        var arguments = BuildFlag.Arguments(["A", "B", "C=1=2", "D=", "C=3"], name => environment.GetValueOrDefault(name));

        Assert.Equal(["A=from outside", "C=3", "D="], arguments.Select(pair => $"{pair.Key}={pair.Value}").Order());
    }

    [Fact]
    public void Annotations_OfKinds_GoWhereTheyBelong()
    {
        var (manifest, index) = BuildFlag.Annotations(["a=1", "index:b=2", "manifest,index:c=3"]);

        Assert.Equal(["a", "c"], manifest.Keys);
        Assert.Equal(["b", "c"], index.Keys);
        Assert.Equal(ErrorKind.Unsupported, Assert.Throws<MicaException>(() => BuildFlag.Annotations(["index-descriptor:a=1"])).Kind);
        Assert.Throws<MicaException>(() => BuildFlag.Annotations(["a"]));
    }

    [Theory]
    [InlineData("db:10.0.0.1", "db", "10.0.0.1")]
    [InlineData("db=10.0.0.1", "db", "10.0.0.1")]
    [InlineData("db:::1", "db", "::1")]
    [InlineData("db=[2001:db8::1]", "db", "2001:db8::1")]
    [InlineData("db:host-gateway", "db", "host-gateway")]
    public void Hosts_EveryForm_IsUnderstood(string text, string name, string address)
    {
        Assert.Equal([(name, address)], BuildFlag.Hosts([text]));
    }

    [Theory]
    [InlineData("db")]
    [InlineData("db:")]
    [InlineData("db:nowhere")]
    [InlineData(":1.2.3.4")]
    public void Hosts_WithoutAddress_AreRefused(string text)
    {
        Assert.Throws<MicaException>(() => BuildFlag.Hosts([text]));
    }

    [Fact]
    public void Ulimits_SoftAndHard_AreRead()
    {
        Assert.Equal([("nofile", 1024, 1024), ("core", 0, -1), ("nproc", 5, 10)], BuildFlag.Ulimits(["nofile=1024", "core=0:-1", "nproc=5:10"]));
    }

    [Theory]
    [InlineData("nofile")]
    [InlineData("nofile=")]
    [InlineData("nofile=10:5")]
    [InlineData("nofile=-1:5")]
    [InlineData("nofile=1:2:3")]
    [InlineData("=1")]
    public void Ulimits_Malformed_AreRefused(string text)
    {
        Assert.Throws<MicaException>(() => BuildFlag.Ulimits([text]));
    }

    [Fact]
    public void Network_KnownModes_AreTaken()
    {
        Assert.Equal([RunNetwork.Default, RunNetwork.None, RunNetwork.Host], new[] { null, "none", "host" }.Select(BuildFlag.Network));
        Assert.Equal(ErrorKind.Unsupported, Assert.Throws<MicaException>(() => BuildFlag.Network("bridge0")).Kind);
    }

    [Fact]
    public void Secret_FromVariable_HoldsItsBytes()
    {
        Dictionary<string, string> environment = new() { ["TOKEN"] = "s3cret" };

        foreach (string text in new[] { "id=t,env=TOKEN", "id=TOKEN", "id=t,type=env,src=TOKEN", "type=env,id=TOKEN" })
        {
            (_, BuildSecret secret) = BuildFlag.Secret(text, name => environment.GetValueOrDefault(name));

            Assert.Equal("s3cret", Encoding.UTF8.GetString(secret.Value.Span));
            Assert.DoesNotContain("s3cret", secret.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Secret_FromFile_NamesTheFile()
    {
        string file = typeof(BuildFlagTests).Assembly.Location;

        (string id, BuildSecret secret) = BuildFlag.Secret($"id=key,\"src={file}\"", _ => null);

        Assert.Equal(("key", file), (id, secret.File));
    }

    [Theory]
    [InlineData("src=x", "it has no id")]
    [InlineData("id=a,env=NOT_THERE", "the variable NOT_THERE is not set")]
    [InlineData("id=a,src=/not/there", "no such file")]
    [InlineData("id=a,bad=1", "unexpected key 'bad'")]
    [InlineData("id=a,type=magic", "there are file and env")]
    public void Secret_ThatCannotBe_IsRefused(string text, string problem)
    {
        MicaException failure = Assert.Throws<MicaException>(() => BuildFlag.Secret(text, _ => null));

        Assert.Contains(problem, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ssh_FileThatIsNoSocket_IsRefused()
    {
        string file = typeof(BuildFlagTests).Assembly.Location;

        Assert.Equal(ErrorKind.Unsupported, Assert.Throws<MicaException>(() => BuildFlag.Ssh($"default={file}", _ => null)).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<MicaException>(() => BuildFlag.Ssh("default", _ => null)).Kind);
    }

    [Fact]
    public void Platforms_WithCommas_AreSeveral()
    {
        Assert.Equal(["linux/amd64", "linux/arm64"], BuildFlag.Platforms(["linux/amd64,linux/arm64", "linux/amd64"]).Select(one => one.ToString()));
    }
}
