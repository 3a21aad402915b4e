using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>Forces files to the disk, before something durable says that they are there.</summary>
internal static class DiskSync
{
    /// <summary>Forces the files.</summary>
    public static void Force(IReadOnlyList<string> files)
    {
        foreach (string file in files)
        {
            using SafeFileHandle handle = File.OpenHandle(file, FileMode.Open, FileAccess.Read);
            RandomAccess.FlushToDisk(handle);
        }
    }
}
