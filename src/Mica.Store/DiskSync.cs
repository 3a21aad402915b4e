using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>Forces files to the disk, before something durable says that they are there.</summary>
internal static class DiskSync
{
    /// <summary>
    /// So many files are forced one by one. More, or trees, by one call for the whole file system: that is much cheaper for
    /// many files, but waits for what other programs wrote as well.
    /// </summary>
    private const int MaxFiles = 16;

    /// <summary>Forces the files and their names; with <paramref name="hasTrees"/>, everything below <paramref name="root"/>.</summary>
    public static void Force(string root, IReadOnlyList<string> files, bool hasTrees)
    {
        if (hasTrees || files.Count > MaxFiles)
        {
            LinuxFileSystem.SyncAll(root);
            return;
        }

        foreach (string file in files)
        {
            using SafeFileHandle handle = File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.FlushToDisk(handle);
        }

        foreach (string directory in files.Select(file => Path.GetDirectoryName(file)!).Distinct(StringComparer.Ordinal))
        {
            LinuxFileSystem.SyncDirectory(directory);
        }
    }
}
