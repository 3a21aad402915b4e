using System.Collections.Immutable;
using Mica.Layers;
using Mica.Linux;

namespace Mica.Store;

/// <summary>
/// Archives may lead through directories that they have no entry for: <c>tmp/x</c> without <c>tmp</c>. The layer's tree has such a
/// directory all the same, with an owner and a mode that nobody chose, and in a merged view it hides those of a lower layer's
/// directory. What hides them so is found here; a tree with the right ones, on top of the others, puts it right.
/// </summary>
public static class ImpliedDirectories
{
    private const uint OwnerOnly = 0x1c0; // 0700

    /// <summary>
    /// The directories of a merged view that look other than they are meant to, with what they are meant to be; those above come
    /// before those below. Usually none.
    /// </summary>
    /// <param name="trees">The layers' trees, the topmost first, as <see cref="ImageStore.TreesAsync"/> gives them.</param>
    public static ImmutableArray<(LinuxPath Path, FileStatus Meant)> FindHiding(IReadOnlyList<string> trees)
    {
        if (trees.Count < 2)
        {
            return [];
        }

        HashSet<LinuxPath>?[] implied = [.. trees.Select(Read)];
        LinuxPath[] paths = [.. implied.Take(trees.Count - 1).OfType<HashSet<LinuxPath>>().SelectMany(paths => paths).Distinct().Where(path => !path.IsEmpty)];
        if (paths.Length == 0)
        {
            return [];
        }

        // Opened once for all paths: each layer alone, and with all below it.
        List<LayerStack> alone = [], below = [];
        try
        {
            for (int i = 0; i < trees.Count; i++)
            {
                alone.Add(new LayerStack([trees[i]], LayerWorkspace.WhiteoutForm));
                below.Add(new LayerStack([.. trees.Skip(i)], LayerWorkspace.WhiteoutForm));
            }

            SortedDictionary<string, (LinuxPath, FileStatus)> found = new(StringComparer.Ordinal);
            foreach (LinuxPath path in paths)
            {
                if (below[0].Find(path) is { Kind: FileKind.Directory } shown && Meant(alone, below, implied, path) is { } meant
                    && (meant.Mode != shown.Mode || meant.Uid != shown.Uid || meant.Gid != shown.Gid))
                {
                    found[path.ToString()] = (path, meant);
                }
            }

            return [.. found.Values];
        }
        finally
        {
            alone.ForEach(stack => stack.Dispose());
            below.ForEach(stack => stack.Dispose());
        }
    }

    /// <summary>
    /// Makes a tree in <paramref name="directory"/> that goes on top of <paramref name="trees"/>: the directories of
    /// <paramref name="hiding"/> as they are meant to be, and those above them as they are.
    /// </summary>
    public static void Write(ImmutableArray<(LinuxPath Path, FileStatus Meant)> hiding, IReadOnlyList<string> trees, string directory)
    {
        using LayerStack stack = new(trees, LayerWorkspace.WhiteoutForm);
        Dictionary<LinuxPath, FileStatus> meant = hiding.ToDictionary(one => one.Path, one => one.Meant);
        foreach ((LinuxPath path, _) in hiding)
        {
            var handle = DirectoryHandle.Open(directory);
            try
            {
                LinuxPath here = default;
                foreach (byte[] name in Parts(path))
                {
                    here = here.Append(name);
                    if (handle.TryMakeDirectory(name, OwnerOnly) == Errno.None)
                    {
                        FileStatus status = meant.TryGetValue(here, out FileStatus wanted) ? wanted : stack.Find(here)!.Value;
                        handle.SetOwner(name, status.Uid, status.Gid);
                        handle.SetMode(name, status.Mode);
                        handle.SetTimes(name, null, status.Modified);
                    }

                    DirectoryHandle next = handle.OpenDirectory(name);
                    handle.Dispose();
                    handle = next;
                }
            }
            finally
            {
                handle.Dispose();
            }
        }
    }

    /// <summary>As the topmost layer has it that has an entry for it; null when none below does.</summary>
    private static FileStatus? Meant(List<LayerStack> alone, List<LayerStack> below, HashSet<LinuxPath>?[] implied, LinuxPath path)
    {
        for (int i = 0; i < alone.Count; i++)
        {
            if (below[i].Find(path) is not { Kind: FileKind.Directory } status)
            {
                return null; // something below is no directory, or is deleted
            }

            bool isHere = alone[i].Find(path) is { Kind: FileKind.Directory };
            if (isHere && implied[i]?.Contains(path) != true)
            {
                return status;
            }

            if (isHere && alone[i].HidesBelow(path))
            {
                return null;
            }
        }

        return null;
    }

    private static List<byte[]> Parts(LinuxPath path)
    {
        List<byte[]> names = [];
        for (LinuxPath here = path; !here.IsEmpty; here = here.Parent)
        {
            names.Add(here.Name.ToArray());
        }

        names.Reverse();
        return names;
    }

    private static HashSet<LinuxPath>? Read(string tree)
    {
        // Most layers have an entry for each of their directories but the root, and are not parsed for that.
        string path = Path.Join(Path.GetDirectoryName(tree), LayerDescription.FileName);
        byte[] description = File.Exists(path) ? File.ReadAllBytes(path) : []; // without one it is damaged, which store check tells
        return description.Length == 0 || description.AsSpan().IndexOf("\"impliedDirectories\":[]"u8) >= 0 || description.AsSpan().IndexOf("\"impliedDirectories\":[\"\"]"u8) >= 0 ? null
            : LayerDescription.Parse(description) is { ImpliedDirectories.Length: > 0 } parsed
                ? [.. parsed.ImpliedDirectories.Select(text => new LinuxPath(Convert.FromBase64String(text)))] : null;
    }
}
