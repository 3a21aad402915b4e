using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;

namespace Mica.Build;

/// <summary>Goes through a directory of a source, all the way down, in the order of bytes, a directory before what is in it.</summary>
internal sealed class SourceWalk(PatternList excluded, SourceWalk.Visitor visit, CancellationToken cancellationToken)
{
    private byte[] _path = new byte[256];

    /// <summary>Is told what is there.</summary>
    /// <param name="directory">The directory that it is in.</param>
    /// <param name="entry">Its name there and what it is.</param>
    /// <param name="below">Its path from where the walk began; valid during the call.</param>
    public delegate void Visitor(ISourceDirectory directory, in SourceEntry entry, ReadOnlySpan<byte> below);

    /// <summary>Visits what is wanted of the directory at <paramref name="path"/>, but not the directory itself.</summary>
    public void Run(ISourceTree tree, LinuxPath path)
    {
        using ISourceDirectory directory = tree.OpenDirectory(path);
        Walk(directory, 0);
    }

    private void Walk(ISourceDirectory directory, int length)
    {
        cancellationToken.ThrowIfCancellationRequested();
        foreach (SourceEntry entry in directory.Read())
        {
            int end = length + entry.Name.Length;
            if (end + 1 > _path.Length)
            {
                Array.Resize(ref _path, Math.Max(end + 1, _path.Length * 2));
            }

            entry.Name.CopyTo(_path, length);
            bool isDirectory = entry.Status.Kind == FileKind.Directory;
            if (!IsWanted(excluded, _path.AsSpan(0, end), isDirectory))
            {
                continue;
            }

            visit(directory, entry, _path.AsSpan(0, end));
            if (isDirectory)
            {
                _path[end] = (byte)'/';
                using ISourceDirectory inner = directory.OpenDirectory(entry.Name);
                Walk(inner, end + 1);
            }
        }
    }

    /// <summary>Whether <c>--exclude</c> lets it pass; of an excluded directory something below may still be wanted.</summary>
    public static bool IsWanted(PatternList excluded, ReadOnlySpan<byte> path, bool isDirectory) => excluded.Patterns.IsEmpty
        || !excluded.Decide(path).IsExcluded || (isDirectory && excluded.MayIncludeBelow(path));
}
