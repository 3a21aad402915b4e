using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Mica.Linux;

namespace Mica.Tests.Linux;

/// <summary>
/// Runs a part of a test as an ordinary user even when the tests run as root. To the kernel, credentials are each thread's own;
/// the system call, unlike the C library's function, changes those of the calling thread only.
/// </summary>
internal static class UnprivilegedThread
{
    public const uint UserId = 54321;

    private static readonly bool s_arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    public static void Run(Action action)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                DropPrivileges();
                action();
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    /// <summary>Gives everything in <paramref name="directory"/> to the user that <see cref="Run"/> works as.</summary>
    public static void Own(DirectoryHandle directory)
    {
        if (LinuxUser.EffectiveUserId == 0)
        {
            directory.SetOwner(UserId, UserId);
        }
    }

    private static void DropPrivileges()
    {
        if (LinuxUser.EffectiveUserId != 0)
        {
            return;
        }

        Assert.Equal(0, Syscall(s_arm ? 159 : 116, 0, 0, 0)); // setgroups
        Assert.Equal(0, Syscall(s_arm ? 149 : 119, UserId, UserId, UserId)); // setresgid
        Assert.Equal(0, Syscall(s_arm ? 147 : 117, UserId, UserId, UserId)); // setresuid
        Assert.Equal(UserId, LinuxUser.EffectiveUserId);
    }

#pragma warning disable SYSLIB1054, CA5392 // The test project has no unsafe code, which the generator needs.
    [DllImport("libc", EntryPoint = "syscall")]
    private static extern long Syscall(long number, long first, long second, long third);
#pragma warning restore SYSLIB1054, CA5392
}
