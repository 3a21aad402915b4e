using Mica.Oci;
using Mica.Runtime;
using Mica.Tests.Linux;

namespace Mica.Tests.Runtime;

public sealed class PlatformProbeTests : IDisposable
{
    private const string Arm64Magic = "7f454c460201010000000000000000000200b700";
    private const string Mask = "ffffffffffffff00fffffffffffffffffeffffff";

    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void FindObstacle_OwnPlatform_AsksNobody() => Assert.Null(Probe("linux/amd64", withDirectory: false).FindObstacle(Platform.Parse("linux/amd64")));

    [Fact]
    public void FindObstacle_EnabledFixedHandler_IsNone()
    {
        Handler("qemu-aarch64", "enabled", "OCF", Arm64Magic);
        Assert.Null(Probe("linux/amd64").FindObstacle(Platform.Parse("linux/arm64")));
    }

    [Theory]
    [InlineData("enabled", "OC", "lacks the flag F")]
    [InlineData("disabled", "OCF", "has no enabled handler")]
    public void FindObstacle_HandlerOfNoUseInContainers_IsTold(string state, string flags, string expected)
    {
        Handler("qemu-aarch64", state, flags, Arm64Magic);
        string obstacle = Probe("linux/amd64").FindObstacle(Platform.Parse("linux/arm64"))!;
        Assert.Contains(expected, obstacle, StringComparison.Ordinal);
        Assert.Contains("FROM --platform=$BUILDPLATFORM", obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public void FindObstacle_HandlerOfAnotherArchitecture_DoesNotCount()
    {
        Handler("qemu-aarch64", "enabled", "OCF", Arm64Magic);
        Assert.Contains("linux/s390x do not run on linux/amd64", Probe("linux/amd64").FindObstacle(Platform.Parse("linux/s390x")), StringComparison.Ordinal);
    }

    [Fact]
    public void FindObstacle_AllHandlersOff_IsTold()
    {
        Handler("qemu-aarch64", "enabled", "OCF", Arm64Magic);
        File.WriteAllText(_scratch.Combine("status"), "disabled\n");
        Assert.NotNull(Probe("linux/amd64").FindObstacle(Platform.Parse("linux/arm64")));
    }

    [Fact]
    public void FindObstacle_NoDirectoryAndMalformedHandler_IsToldAndNothingElse()
    {
        Assert.Contains("install qemu-user-static", Probe("linux/amd64", withDirectory: false).FindObstacle(Platform.Parse("linux/riscv64")), StringComparison.Ordinal);
        File.WriteAllText(_scratch.Combine("odd"), "enabled\nmagic zz\n");
        Assert.NotNull(Probe("linux/amd64").FindObstacle(Platform.Parse("linux/riscv64")));
    }

    [Fact]
    public void FindObstacle_OtherSystemOrUnknownArchitecture_IsTold()
    {
        Assert.Contains("do not run on linux/amd64", Probe("linux/amd64").FindObstacle(Platform.Parse("windows/amd64")), StringComparison.Ordinal);
        Assert.Contains("do not run on linux/amd64", Probe("linux/amd64").FindObstacle(new Platform { Os = "linux", Architecture = "vax" }), StringComparison.Ordinal);
    }

    [Fact]
    public void ElfTarget_Program_RunsWhereTheKernelTakesIt()
    {
        Assert.SkipUnless(Platform.Current.Architecture == "amd64", "needs an amd64 machine");
        byte[] program = ElfTarget.Find("386")!.Program()!;
        string path = _scratch.Combine("program");
        File.WriteAllBytes(path, program);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        bool runs;
        try
        {
            using var process = System.Diagnostics.Process.Start(path);
            process.WaitForExit();
            runs = process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            runs = false;
        }

        Assert.Equal(runs, Probe("linux/amd64").FindObstacle(Platform.Parse("linux/386")) is null);
    }

    private PlatformProbe Probe(string own, bool withDirectory = true)
    {
        string directory = withDirectory ? _scratch.Combine("") : _scratch.Combine("missing");
        if (withDirectory && !File.Exists(_scratch.Combine("status")))
        {
            File.WriteAllText(_scratch.Combine("status"), "enabled\n");
        }

        return new PlatformProbe(new RuntimeOptions(_scratch.Combine("state"), _scratch.Combine("probes")) { BinfmtDirectory = directory }, Platform.Parse(own));
    }

    private void Handler(string name, string state, string flags, string magic) => File.WriteAllText(
        _scratch.Combine(name), $"{state}\ninterpreter /usr/bin/{name}-static\nflags: {flags}\noffset 0\nmagic {magic}\nmask {Mask}\n");
}
