using System.Text;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Build;

/// <summary>One thing that a source of COPY or ADD stands for.</summary>
/// <param name="Path">Where it is, its last link followed.</param>
/// <param name="Name">What it is called in a destination that is a directory.</param>
/// <param name="Kept">With <c>--parents</c>, the path that is kept below the destination; else null.</param>
/// <param name="Status">What it is.</param>
internal sealed record SourcePath(LinuxPath Path, LinuxPath Name, LinuxPath? Kept, FileStatus Status)
{
    /// <summary>In the directory that it is in.</summary>
    public SourceEntry Entry => new(Path.Name.ToArray(), Status);
}

/// <summary>Finds what the sources of COPY and ADD stand for.</summary>
internal static class SourcePaths
{
    /// <summary>A path stands for one thing, a pattern for any number, none included.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: there is nothing of a path without wildcards.</exception>
    public static List<SourcePath> Find(ISourceTree tree, string source, bool keepParents)
    {
        (string dropped, string kept) = keepParents ? GlobPath.SplitAtPivot(source) : ("", source);
        string whole = dropped.Length == 0 ? kept : $"{dropped}/{kept}";
        string clean = GlobPath.Clean("/" + whole)[1..];
        var found = new List<SourcePath>();
        if (GlobPath.HasWildcards(clean))
        {
            if (!GlobPattern.TryParse(clean, doubleStar: keepParents, out GlobPattern? pattern))
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"syntax error in pattern \"{Printable.Of(source)}\"");
            }

            Match(tree, default, pattern, path => Add(path));
        }
        else
        {
            Add(new LinuxPath(clean));
        }

        return found;

        void Add(LinuxPath path)
        {
            LinuxPath resolved = tree.Resolve(path);
            if (tree.Find(resolved) is not { } status)
            {
                throw new MicaException(ErrorKind.NotFound, $"\"/{path}\": not found in {tree.DisplayName}");
            }

            string droppedClean = GlobPath.Clean("/" + dropped)[1..];
            ReadOnlySpan<byte> below = path.Bytes;
            byte[] prefix = Encoding.UTF8.GetBytes(droppedClean);
            if (prefix.Length > 0 && below.StartsWith(prefix))
            {
                below = below[prefix.Length..].TrimStart((byte)'/');
            }

            found.Add(new SourcePath(resolved, new LinuxPath(path.Name), keepParents ? new LinuxPath(below) : null, status));
        }
    }

    private static void Match(ISourceTree tree, LinuxPath path, GlobPattern pattern, Action<LinuxPath> add)
    {
        using ISourceDirectory directory = tree.OpenDirectory(path);
        Match(directory, path, pattern, add);
    }

    private static void Match(ISourceDirectory directory, LinuxPath path, GlobPattern pattern, Action<LinuxPath> add)
    {
        foreach (SourceEntry entry in directory.Read())
        {
            LinuxPath child = path.Append(entry.Name);
            if (pattern.IsMatch(child.Bytes))
            {
                add(child);
            }
            else if (entry.Status.Kind == FileKind.Directory && pattern.Match(child.Bytes) == GlobResult.MayMatchBelow)
            {
                using ISourceDirectory inner = directory.OpenDirectory(entry.Name);
                Match(inner, child, pattern, add);
            }
        }
    }
}
