using System.Text;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>What to do with a name that is missing in <paramref name="directory"/> (at <paramref name="path"/>); false: give up.</summary>
internal delegate bool MissingName(DirectoryHandle directory, string path, string name, bool isLast);

/// <summary>
/// Follows a path within a tree as if the tree's root were the root of everything, and says where it leads without links, so
/// that nobody after us has to follow any. The tree must not change meanwhile.
/// </summary>
internal static class RootWalk
{
    private const int MaxLinks = 40;

    /// <summary>The path without links, beginning with <c>/</c>; null when something is missing on the way.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: links in a circle, or a file in the middle.</exception>
    public static string? TryResolve(DirectoryHandle root, string path, MissingName? missing = null)
    {
        List<string> done = [];
        Stack<string> rest = new(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        int links = 0;
        while (rest.TryPop(out string? name))
        {
            if (name is "." or "..")
            {
                done = name == ".." && done.Count > 0 ? done[..^1] : done;
                continue;
            }

            using DirectoryHandle directory = OpenDirectory(root, done, path);
            byte[] bytes = Encoding.UTF8.GetBytes(name);
            if (directory.TryGetStatus(bytes, out FileStatus status) == Errno.ENOENT)
            {
                if (missing is null || !missing(directory, Joined(done), name, rest.Count == 0))
                {
                    return null;
                }
            }
            else if (status.Kind == FileKind.SymbolicLink)
            {
                string target = Encoding.UTF8.GetString(directory.ReadSymbolicLink(bytes));
                if (++links > MaxLinks)
                {
                    throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: too many symbolic links");
                }

                done = target.StartsWith('/') ? [] : done;
                foreach (string part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                {
                    rest.Push(part);
                }

                continue;
            }

            done.Add(name);
        }

        return "/" + string.Join('/', done);
    }

    /// <summary>Opens a directory by a path that has no links in it; null when there is no such directory.</summary>
    public static DirectoryHandle? TryOpen(DirectoryHandle root, string path)
    {
        DirectoryHandle current = root.OpenDirectory("."u8);
        foreach (string name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            Errno errno = current.TryOpenDirectory(Encoding.UTF8.GetBytes(name), out DirectoryHandle? next);
            current.Dispose();
            if (errno != Errno.None)
            {
                return null;
            }

            current = next!;
        }

        return current;
    }

    private static DirectoryHandle OpenDirectory(DirectoryHandle root, List<string> names, string path) =>
        TryOpen(root, Joined(names))
        ?? throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: {Printable.Of(Joined(names))} is not a directory");

    private static string Joined(List<string> names) => "/" + string.Join('/', names);
}
