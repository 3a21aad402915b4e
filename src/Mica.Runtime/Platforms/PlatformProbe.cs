using System.Globalization;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>Finds out whether programs of a platform run in containers here, by trying and by what the kernel says.</summary>
/// <param name="options">Where to try, and where the kernel says it.</param>
/// <param name="own">The machine's own platform.</param>
internal sealed class PlatformProbe(RuntimeOptions options, Platform own)
{
    private const string WayOut = "build on such a machine, or begin the stage with FROM --platform=$BUILDPLATFORM";

    /// <summary>What is missing and the way out, in one line; null when they run.</summary>
    public string? FindObstacle(Platform platform)
    {
        // Old images do not say it.
        if (platform.Architecture.Length == 0 || platform.Os.Length == 0)
        {
            return null;
        }

        if (platform.Os != own.Os)
        {
            return $"programs for {Printable.Of(platform.ToString())} do not run on {own}: {WayOut}";
        }

        if (platform.Architecture == own.Architecture)
        {
            return null;
        }

        if (ElfTarget.Find(platform.Architecture) is not { } target)
        {
            return $"programs for {Printable.Of(platform.ToString())} do not run on {own}, and nothing is known to run them: {WayOut}";
        }

        BinfmtHandler? handler = BinfmtHandler.For(target.Head(), options.BinfmtDirectory).FirstOrDefault();
        return handler is { IsFixed: true } || RunsNatively(target) ? null
            : handler is not null
            ? $"programs for {platform} do not run in containers here: the handler {Printable.Of(handler.Name)} in {options.BinfmtDirectory} lacks the flag F; register it with F, as qemu-user-static does, {WayOut}"
            : $"programs for {platform} do not run on {own} (exec format error): {options.BinfmtDirectory} has no enabled handler for them; install qemu-user-static (and binfmt-support), {WayOut}";
    }

    /// <summary>Kernels of 64 bits may run the 32 bits of their family.</summary>
    private bool RunsNatively(ElfTarget target)
    {
        if ((own.Architecture, target.Machine) is not (("amd64", 3) or ("arm64", 40)) || target.Program() is not { } program)
        {
            return false;
        }

        Directory.CreateDirectory(options.ScratchDirectory);
        string path = Path.Combine(options.ScratchDirectory, string.Create(CultureInfo.InvariantCulture, $"probe-{Environment.ProcessId}-{target.Machine}"));
        try
        {
            File.WriteAllBytes(path, program);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            using var child = ChildProcess.Start(new ChildCommand(path, [path], []));
            child.ReadOutput((_, _) => { });
            return child.Wait() == 0;
        }
        catch (LinuxException)
        {
            return false;
        }
        finally
        {
            File.Delete(path);
        }
    }
}
