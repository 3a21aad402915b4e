using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Looks whether a layer's directory is what it was when it was unpacked, without its blob.</summary>
internal static class LayerCheck
{
    /// <summary>
    /// What is wrong with the directory; null when its description is there and the files of its tree have as many bytes as
    /// that says. <paramref name="bytes"/>: what the catalog says, when there is one.
    /// </summary>
    public static string? Examine(string directory, Digest diffId, long? bytes)
    {
        if (LayerDescription.Read(directory, diffId) is not { } description)
        {
            return "its description is missing or damaged";
        }

        if (bytes is { } expected && expected != description.Bytes)
        {
            return $"its description tells of {description.Bytes} bytes, the catalog of {expected}";
        }

        string tree = Path.Join(directory, "fs");
        if (!Directory.Exists(tree))
        {
            return "its tree is missing";
        }

        using DirectoryHandle root = DirectoryHandle.Open(tree);
        long found = Sum(root, []);
        return found == description.Bytes ? null : $"the files of its tree have {found} bytes, not {description.Bytes}";
    }

    /// <summary>The sizes of the regular files, each once however many names it has.</summary>
    private static long Sum(DirectoryHandle directory, HashSet<FileIdentity> linked)
    {
        long sum = 0;
        using var reader = new DirectoryReader(directory);
        while (reader.TryRead(out ReadOnlySpan<byte> name, out FileKind kind))
        {
            if (kind is not (FileKind.Directory or FileKind.File or FileKind.Unknown))
            {
                continue;
            }

            FileStatus status = directory.GetStatus(name);
            if (status.Kind == FileKind.Directory)
            {
                using DirectoryHandle child = directory.OpenDirectory(name);
                sum += Sum(child, linked);
            }
            else if (status.Kind == FileKind.File && (status.LinkCount == 1 || linked.Add(status.Identity)))
            {
                sum += status.Size;
            }
        }

        return sum;
    }
}
