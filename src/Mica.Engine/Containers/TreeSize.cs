using Mica.Linux;

namespace Mica.Engine;

/// <summary>What the files of a directory take, each inode once.</summary>
internal static class TreeSize
{
    public static long Of(string path)
    {
        if (!Directory.Exists(path))
        {
            return 0;
        }

        using DirectoryHandle directory = DirectoryHandle.Open(path);
        return Of(directory, []);
    }

    private static long Of(DirectoryHandle directory, HashSet<FileIdentity> seen)
    {
        long bytes = 0;
        List<byte[]> below = [];
        using (DirectoryReader reader = new(directory))
        {
            while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
            {
                // Another process may be removing it.
                if (directory.TryGetStatus(name, out FileStatus status) != Errno.None)
                {
                    continue;
                }

                if (status.Kind == FileKind.Directory)
                {
                    below.Add(name.ToArray());
                }
                else if (status.Kind == FileKind.File && (status.LinkCount == 1 || seen.Add(status.Identity)))
                {
                    bytes += status.Size;
                }
            }
        }

        foreach (byte[] name in below)
        {
            if (directory.TryOpenDirectory(name, out DirectoryHandle? inner) == Errno.None)
            {
                using (inner)
                {
                    bytes += Of(inner!, seen);
                }
            }
        }

        return bytes;
    }
}
