using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Tests.Linux;

/// <summary>What every way to resolve a path within a root does alike.</summary>
public abstract class InRootResolutionContract : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly DirectoryHandle _root;

    protected InRootResolutionContract()
    {
        _scratch.WriteFile("secret", "outside");
        _scratch.WriteFile("root/etc/passwd", "inside");
        _scratch.WriteFile("root/usr/lib/x", "x");
        Link("absolute", "/etc/passwd");
        Link("host", _scratch.Combine("secret"));
        Link("up", "../../../../secret");
        Link("lib", "usr/lib");
        Link("usr/back", "../../../etc");
        Link("chain", "lib/../../lib");
        Link("loop", "loop");
        Link("dangling", "nowhere");
        Link("slash", "/");
        Link("dots", "..");
        _root = _scratch.Handle.OpenDirectory("root"u8);
    }

    public virtual void Dispose()
    {
        _root.Dispose();
        _scratch.Dispose();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData("etc/passwd", "inside")]
    [InlineData("/etc/passwd", "inside")]
    [InlineData("//etc//./passwd", "inside")]
    [InlineData("../../etc/passwd", "inside")]
    [InlineData("etc/../../../etc/passwd", "inside")]
    [InlineData("absolute", "inside")]
    [InlineData("lib/x", "x")]
    [InlineData("chain/x", "x")]
    [InlineData("usr/back/passwd", "inside")]
    [InlineData("slash/slash/slash/etc/passwd", "inside")]
    [InlineData("dots/dots/etc/passwd", "inside")]
    [InlineData("dots/root/etc/passwd", null)]
    [InlineData("../secret", null)]
    [InlineData("host", null)]
    [InlineData("up", null)]
    [InlineData("dangling", null)]
    [InlineData("", null)]
    [InlineData("etc/nope", null)]
    [InlineData("nope/../etc/passwd", null)]
    public void OpenFileInRoot_AnyPath_StaysInside(string path, string? content)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(path);
        if (content is null)
        {
            Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => _root.OpenFileInRoot(bytes)).Errno);
            return;
        }

        using SafeFileHandle file = _root.OpenFileInRoot(bytes);
        using var reader = new StreamReader(new FileStream(file, FileAccess.Read));
        Assert.Equal(content, reader.ReadToEnd());
    }

    [Theory]
    [InlineData("loop", Errno.ELOOP)]
    [InlineData("loop/x", Errno.ELOOP)]
    [InlineData("etc/passwd/x", Errno.ENOTDIR)]
    [InlineData("etc/passwd/", Errno.ENOTDIR)]
    [InlineData("etc/passwd/..", Errno.ENOTDIR)]
    public void OpenFileInRoot_BadPath_SaysWhy(string path, Errno errno)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(path);

        Assert.Equal(errno, Assert.Throws<LinuxException>(() => _root.OpenFileInRoot(bytes)).Errno);
    }

    [Theory]
    [InlineData(".")]
    [InlineData("/")]
    [InlineData("..")]
    [InlineData("slash")]
    [InlineData("dots")]
    [InlineData("lib/../..")]
    public void OpenDirectoryInRoot_WaysToTheRoot_IsTheRoot(string path)
    {
        using DirectoryHandle directory = _root.OpenDirectoryInRoot(System.Text.Encoding.UTF8.GetBytes(path));

        Assert.Equal(_root.GetStatus().Identity, directory.GetStatus().Identity);
    }

    private void Link(string name, string target) => File.CreateSymbolicLink(_scratch.Combine("root/" + name), target);
}

public sealed class OpenAt2ResolutionTests : InRootResolutionContract;

public sealed class WalkedResolutionTests : InRootResolutionContract
{
    private readonly LackingOpenAt2 _lacking = new();

    public override void Dispose()
    {
        base.Dispose();
        _lacking.Dispose();
    }
}
