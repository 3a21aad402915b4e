using System.Diagnostics;

namespace Mica.Tests.Layers;

/// <summary>Lets the kernel say what two layers show together.</summary>
internal static class OverlayMount
{
    public static bool TryMount(string at, string upper, string lower) =>
        Run("mount", "-t", "overlay", "overlay", "-o", $"ro,lowerdir={upper}:{lower}", at) == 0;

    public static void Unmount(string at) => Assert.Equal(0, Run("umount", at));

    public static int Run(string command, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
