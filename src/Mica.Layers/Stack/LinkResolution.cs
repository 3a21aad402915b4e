using Mica.Oci;

namespace Mica.Layers;

/// <summary>Follows symbolic links in a tree that is only looked at, with the tree's root as the root of everything.</summary>
public static class LinkResolution
{
    private const int MaxLinks = 40; // MAXSYMLINKS of the kernel

    /// <summary>
    /// Where <paramref name="path"/> leads when every link on its way, and at its end, is followed as within a chroot. Components
    /// that do not exist are kept as they are: what is missing can be made there.
    /// </summary>
    /// <param name="path">Relative to the root.</param>
    /// <param name="readLink">The text of the link at a path; null for what is no link.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: too many links.</exception>
    public static LinuxPath Resolve(LinuxPath path, Func<LinuxPath, byte[]?> readLink)
    {
        LinuxPath done = default;
        var left = new Stack<byte[]>();
        Push(left, path.Bytes);
        for (int links = 0; left.TryPop(out byte[]? name);)
        {
            if (name is [(byte)'.', (byte)'.'])
            {
                done = done.Parent;
                continue;
            }

            LinuxPath here = done.Append(name);
            if (readLink(here) is not { } target)
            {
                done = here;
                continue;
            }

            if (++links > MaxLinks)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"{path}: too many levels of symbolic links");
            }

            done = target is [(byte)'/', ..] ? default : done;
            Push(left, target);
        }

        return done;
    }

    private static void Push(Stack<byte[]> components, ReadOnlySpan<byte> path)
    {
        var names = new List<byte[]>();
        foreach (Range range in path.Split((byte)'/'))
        {
            if (path[range] is not ([] or [(byte)'.']))
            {
                names.Add(path[range].ToArray());
            }
        }

        for (int index = names.Count - 1; index >= 0; index--)
        {
            components.Push(names[index]);
        }
    }
}
