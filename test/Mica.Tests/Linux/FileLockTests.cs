using System.Diagnostics;
using Mica.Linux;

namespace Mica.Tests.Linux;

public sealed class FileLockTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Path => _scratch.Combine("lock");

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void TryAcquire_Exclusive_KeepsOthersOut()
    {
        using (FileLock? first = FileLock.TryAcquire(Path, FileLockMode.Exclusive))
        {
            Assert.NotNull(first);
            Assert.Null(FileLock.TryAcquire(Path, FileLockMode.Exclusive));
            Assert.Null(FileLock.TryAcquire(Path, FileLockMode.Shared));
        }

        using FileLock? again = FileLock.TryAcquire(Path, FileLockMode.Exclusive);
        Assert.NotNull(again);
    }

    [Fact]
    public void TryAcquire_Shared_LetsOtherSharedIn()
    {
        using FileLock? first = FileLock.TryAcquire(Path, FileLockMode.Shared);
        using FileLock? second = FileLock.TryAcquire(Path, FileLockMode.Shared);

        Assert.NotNull(first);
        Assert.NotNull(second);
        Assert.Null(FileLock.TryAcquire(Path, FileLockMode.Exclusive));
    }

    [Fact]
    public void TryAcquire_FileReplaced_LocksTheNewOne()
    {
        using FileLock? old = FileLock.TryAcquire(Path, FileLockMode.Exclusive);
        File.Delete(Path);

        using FileLock? current = FileLock.TryAcquire(Path, FileLockMode.Exclusive);

        Assert.NotNull(current);
        Assert.Null(FileLock.TryAcquire(Path, FileLockMode.Exclusive));
    }

    [Fact]
    public void TryAcquire_ThroughALink_IsRefused()
    {
        File.CreateSymbolicLink(Path, _scratch.Combine("elsewhere"));

        Assert.Equal(Errno.ELOOP, Assert.Throws<LinuxException>(() => FileLock.TryAcquire(Path, FileLockMode.Shared)).Errno);
        Assert.False(File.Exists(_scratch.Combine("elsewhere")));
    }

    [Fact]
    public async Task AcquireAsync_Held_GivesUpAfterTheTimeout()
    {
        using FileLock? held = FileLock.TryAcquire(Path, FileLockMode.Exclusive);

        Assert.Null(await FileLock.AcquireAsync(
            Path, FileLockMode.Shared, TimeSpan.FromMilliseconds(30), TimeProvider.System, Token));
    }

    [Fact]
    public async Task AcquireAsync_HolderLeaves_GetsIt()
    {
        FileLock held = FileLock.TryAcquire(Path, FileLockMode.Exclusive)!;
        Task<FileLock?> waiting = FileLock.AcquireAsync(
            Path, FileLockMode.Exclusive, Timeout.InfiniteTimeSpan, TimeProvider.System, Token);

        Assert.False(waiting.IsCompleted);
        held.Dispose();

        using FileLock? got = await waiting;
        Assert.NotNull(got);
    }

    [Fact]
    public async Task AcquireAsync_Cancelled_Throws()
    {
        using FileLock? held = FileLock.TryAcquire(Path, FileLockMode.Exclusive);
        using var cancel = new CancellationTokenSource();
        Task<FileLock?> waiting = FileLock.AcquireAsync(
            Path, FileLockMode.Shared, Timeout.InfiniteTimeSpan, TimeProvider.System, cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task ProcessIdentity_OfAChild_DiesWithIt()
    {
        using Process child = Process.Start("sleep", "60");
        ProcessIdentity identity = ProcessIdentity.Of(child.Id)!.Value;

        Assert.True(identity.IsAlive());
        Assert.False((identity with { StartTime = identity.StartTime - 1 }).IsAlive());
        Assert.False((identity with { BootId = "another" }).IsAlive());
        child.Kill();
        await child.WaitForExitAsync(Token);

        Assert.False(identity.IsAlive());
        Assert.Null(ProcessIdentity.Of(child.Id));
        Assert.True(ProcessIdentity.Current.IsAlive());
    }
}
