namespace Mica.Linux;

/// <summary>
/// Namespaces of the calling thread, which must be a thread of the caller's own: it never comes back from them. What it mounts
/// nobody else sees, what it starts is born there, and all of it is gone with the last process inside, however that ends.
/// A user namespace cannot be entered so: the kernel wants a process with one thread. namespaces(7).
/// </summary>
public static unsafe class ThreadNamespaces
{
    /// <summary>
    /// Gives the thread its own copy of the mounts, and its own working directory. Mounts that the machine makes or removes
    /// later are followed; none made here gets out.
    /// </summary>
    public static void UnshareMounts()
    {
        Check(Libc.Unshare(Constants.CloneNewMounts), "unshare mounts");
        fixed (byte* root = "/\0"u8)
        {
            Check(Libc.Mount(null, root, null, Constants.MountRecursive | Constants.MountSlave, null), "make mounts private");
        }
    }

    /// <summary>
    /// The next process that the thread starts is process 1 of a new PID namespace, and the last one that it can start: when it
    /// ends the kernel kills all others in there, and waiting for it waits for them.
    /// </summary>
    public static void UnshareProcesses() => Check(Libc.Unshare(Constants.CloneNewProcesses), "unshare processes");

    /// <summary>Puts the thread into a new network namespace.</summary>
    internal static void UnshareNetwork() => Check(Libc.Unshare(Constants.CloneNewNetwork), "unshare network");

    private static void Check(int result, string operation)
    {
        if (result < 0)
        {
            throw new LinuxException(operation, [], Libc.LastError);
        }
    }
}
