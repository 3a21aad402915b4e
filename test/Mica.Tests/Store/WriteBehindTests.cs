using Mica.Linux;
using Mica.Store;

namespace Mica.Tests.Store;

public sealed class WriteBehindTests
{
    [Fact]
    public async Task ThrowIfFailed_RoundThatFailed_ThrowsFromThenOn()
    {
        var writeBehind = new WriteBehind("/nonexistent/store");
        writeBehind.ThrowIfFailed();
        writeBehind.Enter();

        LinuxException? failure = null;
        while (failure is null)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
            failure = Record.Exception(writeBehind.ThrowIfFailed) as LinuxException;
        }

        writeBehind.Leave();
        Assert.Equal(Errno.ENOENT, failure.Errno);
        Assert.Throws<LinuxException>(writeBehind.ThrowIfFailed);
    }

    [Fact]
    public async Task Enter_AfterTheLastOneLeft_BeginsAgain()
    {
        var writeBehind = new WriteBehind(Path.GetTempPath());
        for (int round = 0; round < 3; round++)
        {
            writeBehind.Enter();
            writeBehind.Enter();
            writeBehind.Leave();
            writeBehind.Leave();
        }

        await Task.Delay(TimeSpan.FromMilliseconds(600), TestContext.Current.CancellationToken);
        writeBehind.ThrowIfFailed();
    }
}
