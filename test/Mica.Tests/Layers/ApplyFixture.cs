using Mica.Layers;
using Mica.Linux;
using Mica.Tests.Linux;

namespace Mica.Tests.Layers;

/// <summary>An empty directory to apply a layer to, and one beside it that no layer may touch.</summary>
internal sealed class ApplyFixture : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly string _outsideBefore;

    public ApplyFixture()
    {
        _scratch.WriteFile("outside/sentinel", "untouched");
        _scratch.WriteFile("outside/dir/file", "untouched");
        Directory.CreateDirectory(Layer);
        // Private, as the directories of a store are.
        Target = _scratch.Handle.OpenDirectory("layer"u8);
        Target.SetMode(0x1c0);
        using (DirectoryHandle outside = _scratch.Handle.OpenDirectory("outside"u8))
        {
            outside.SetTimes(new FileTime(1, 1), new FileTime(1, 1));
        }

        _outsideBefore = TreePrinter.Print(Outside, times: true, changeTimes: true);
    }

    /// <summary>Everything that this user may do.</summary>
    public static LayerApplyOptions Options { get; } = new()
    {
        WhiteoutForm = LinuxUser.EffectiveUserId == 0 ? WhiteoutForm.Trusted : WhiteoutForm.User,
        PreserveOwnership = LinuxUser.EffectiveUserId == 0,
    };

    public string Layer => _scratch.Combine("layer");

    public string Outside => _scratch.Combine("outside");

    public DirectoryHandle Target { get; }

    public string Tree => TreePrinter.Print(Layer);

    /// <summary>The lines of <see cref="Tree"/> below the root.</summary>
    public string[] Lines => Tree.Split('\n')[1..];

    public AppliedLayer Apply(params ReadOnlySpan<Tar.Member> members) => Apply(Options, Tar.Of(members));

    public AppliedLayer Apply(LayerApplyOptions options, byte[] archive) => LayerApplier.Apply(
        new TarReader(new MemoryStream(archive)), Target, options, TestContext.Current.CancellationToken);

    public AppliedLayer ApplyUnprivileged(params ReadOnlySpan<Tar.Member> members)
    {
        byte[] archive = Tar.Of(members);
        UnprivilegedThread.Own(Target);
        AppliedLayer? applied = null;
        UnprivilegedThread.Run(() => applied = Apply(
            new LayerApplyOptions { WhiteoutForm = WhiteoutForm.User, PreserveOwnership = false }, archive));
        return applied!;
    }

    public void AssertOutsideIsUntouched() => Assert.Equal(_outsideBefore, TreePrinter.Print(Outside, times: true, changeTimes: true));

    public void Dispose()
    {
        Target.Dispose();
        _scratch.Dispose();
    }
}
