namespace Mica.SystemTests.Containers;

/// <summary>The same commands as a user who is not root.</summary>
public sealed class OrdinaryUserTests(Workbench bench)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Container_OfAnOrdinaryUser_LivesAndEnds(bool withSubordinateIds)
    {
        await using MicaRoot root = await OrdinaryUser.NewRootAsync(bench, withSubordinateIds);
        await using ContainerBench one = await ContainerBench.OpenAsync(bench, root);

        Assert.Equal("0\n", await one.PrintedAsync("busybox id -u"));
        await one.SleepAsync("mine");
        Assert.Equal("mine\n", await one.RunAsync("ps", "--format", "{{.Names}}"));
        Assert.Equal("in\n", await one.RunAsync("exec", "mine", "sh", "-c", "echo in; echo f >/tmp/f"));
        Assert.Contains("A /tmp/f", await one.RunAsync("diff", "mine"), StringComparison.Ordinal);
        await one.RunAsync("stop", "-t", "0", "mine");
        await one.RunAsync("start", "mine");
        Assert.Equal("f\n", await one.RunAsync("exec", "mine", "cat", "/tmp/f"));
        await one.RunAsync("rm", "-f", "mine");
        Assert.Contains("ordinary user", await one.Mica.FailAsync(125, "run", "--rm", "-p", "8080:80", "busybox"), StringComparison.Ordinal);
    }
}
