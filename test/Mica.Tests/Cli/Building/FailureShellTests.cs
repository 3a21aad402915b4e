using Mica.Build;
using Mica.Cli.Building;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Tests.Cli.Building;

public sealed class FailureShellTests : IDisposable
{
    private readonly StringWriter _error = new();
    private readonly QuietBuildProgress _progress = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void FailureText_OfAStep_HasItsNameAboveItsLastLines() => Assert.Equal(
        "------\n > [build 2/4] RUN make:\nlast\n------\nDockerfile:2\nmica: failed to solve: broken\n", BuildFailureText.Of(Failure(null)));

    [Fact]
    public async Task Open_WithShell_ShowsTheFailureOnceAndEndsWithOneLine()
    {
        var shell = new FailureShell(_error, _progress);
        string seen = "";
        StepFailedException failure = Failure(new StepShell("/bin/sh", _ =>
        {
            seen = _error.ToString();
            return Task.FromResult(new ContainerExit(3));
        }));

        MicaException ended = await Assert.ThrowsAsync<MicaException>(() => shell.WatchAsync<int>(async () =>
        {
            await shell.OpenAsync(failure, Token);
            throw failure;
        }));

        Assert.StartsWith("------\n > [build 2/4] RUN make:\n", seen, StringComparison.Ordinal);
        Assert.Contains("/bin/sh", seen, StringComparison.Ordinal);
        Assert.Equal(seen, _error.ToString());
        Assert.Equal("failed to solve: broken", ended.Message);
    }

    [Fact]
    public async Task Open_ShellThatIsNotThere_SaysSo()
    {
        var shell = new FailureShell(_error, _progress);
        await shell.OpenAsync(Failure(new StepShell("/bin/sh", _ => Task.FromResult(new ContainerExit(127) { StartFailure = "/bin/sh: not found" }))), Token);
        Assert.EndsWith("mica: no shell: /bin/sh: not found\n", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_FailureWithoutFileSystem_LeavesTheFailureAsItIs()
    {
        var shell = new FailureShell(_error, _progress);
        StepFailedException failure = Failure(null);
        Assert.Same(failure, await Assert.ThrowsAsync<StepFailedException>(() => shell.WatchAsync<int>(async () =>
        {
            await shell.OpenAsync(failure, Token);
            throw failure;
        })));
        Assert.Empty(_error.ToString());
    }

    [Theory]
    [InlineData("shell", "needs a terminal")]
    [InlineData("retry", "there are shell and abort")]
    public async Task OnFail_WhatCannotBe_IsRefusedBeforeTheBuild(string value, string expected)
    {
        string root = Directory.CreateTempSubdirectory("mica-").FullName;
        var host = new FakeHost();
        Assert.Equal(2, await host.RunAsync("--root", root, "build", "--on-fail", value, root));
        Assert.Contains(expected, host.Error, StringComparison.Ordinal);
        Directory.Delete(root, recursive: true);
    }

    public void Dispose()
    {
        _error.Dispose();
        _progress.Dispose();
    }

    private static StepFailedException Failure(StepShell? shell) =>
        new("broken", "Dockerfile:2", "last", 3, null) { StepName = "[build 2/4] RUN make", Shell = shell };
}
