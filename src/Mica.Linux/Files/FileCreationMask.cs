namespace Mica.Linux;

/// <summary>
/// The umask as the calls of this library see it. It belongs to the process, and everything that creates files goes by it, so
/// that nothing here changes it for others: a created file gets its exact mode by a second call where the mask would bite.
/// </summary>
public static class FileCreationMask
{
    private static readonly Lazy<uint> s_process = new(ReadFromProc);

    [ThreadStatic]
    private static bool t_cleared;

    /// <summary>The mask for files that this thread creates. It is taken to be what it was when it was first asked for.</summary>
    public static uint Current => t_cleared ? 0 : s_process.Value;

    /// <summary>
    /// Gives the calling thread a mask of its own, and sets it to 0: from now on it shares neither umask, root nor working
    /// directory with the other threads, so it must be a thread that the caller started and ends. False when a seccomp filter
    /// forbids it; then nothing changes. unshare(2), CLONE_FS.
    /// </summary>
    public static bool TryClearForThread()
    {
        if (!t_cleared && Libc.Unshare(Constants.CloneFileSystemContext) == 0)
        {
            _ = Libc.SetMask(0);
            t_cleared = true;
        }

        return t_cleared;
    }

    /// <summary>umask(2) can only be read by setting it, which other threads would notice.</summary>
    private static uint ReadFromProc()
    {
        try
        {
            string? line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("Umask:", StringComparison.Ordinal));
            return line is null ? 0xfff : Convert.ToUInt32(line["Umask:".Length..].Trim(), 8);
        }
        catch (IOException)
        {
            // Without /proc every mode is set twice: slower, and right.
            return 0xfff;
        }
    }
}
