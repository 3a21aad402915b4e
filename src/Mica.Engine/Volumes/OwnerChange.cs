using Mica.Linux;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>Gives all files of a directory another owner, as podman's <c>:U</c>; links are not followed.</summary>
internal static class OwnerChange
{
    /// <exception cref="MicaException"><see cref="ErrorKind.PermissionDenied"/>: not ours to give away.</exception>
    public static void Apply(string path, uint uid, uint gid)
    {
        try
        {
            using DirectoryHandle directory = DirectoryHandle.Open(path);
            Apply(directory, uid, gid);
        }
        catch (LinuxException failure)
        {
            throw new MicaException(ErrorKind.PermissionDenied, $"{Printable.Of(path)}: its owner cannot be changed (:U): {failure.Message}", failure);
        }
    }

    private static void Apply(DirectoryHandle directory, uint uid, uint gid)
    {
        List<byte[]> below = [];
        using (DirectoryReader reader = new(directory))
        {
            while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
            {
                FileStatus status = directory.GetStatus(name);
                if (status.Kind == FileKind.Directory)
                {
                    below.Add(name.ToArray());
                }
                else if (status.Uid != uid || status.Gid != gid)
                {
                    // A new owner takes away setuid and setgid bits, which the old one set for himself.
                    directory.SetOwner(name, uid, gid);
                }
            }
        }

        foreach (byte[] name in below)
        {
            using DirectoryHandle inner = directory.OpenDirectory(name);
            Apply(inner, uid, gid);
        }

        directory.SetOwner(uid, gid);
    }
}
