using System.Security.Cryptography;
using System.Text;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;

namespace Mica.Build;

/// <summary>
/// Describes files that a step takes: paths, kinds, contents, and modes and owners as far as they reach the result; never
/// times. Every file is a piece of its own among the inputs, or, when there are many, every directory at the top.
/// </summary>
internal sealed class SourceDigest(ISourceTree tree, PatternList excluded, bool withModes, bool withOwners, bool portableModes)
{
    private const int MaxPieces = 400;

    private readonly List<(string Path, string Value)> _files = [];

    /// <summary>Adds what is at <paramref name="path"/>, called <paramref name="name"/> by the source.</summary>
    public void Add(LinuxPath path, LinuxPath name, FileStatus status, CancellationToken cancellationToken)
    {
        Visit(path, default, name, status, cancellationToken);
    }

    /// <summary>Writes the pieces.</summary>
    public void WriteTo(StepInputs inputs)
    {
        if (_files.Count <= MaxPieces)
        {
            foreach ((string path, string value) in _files)
            {
                inputs.Add($"content of {path}", value);
            }

            return;
        }

        foreach (IGrouping<string, (string Path, string Value)> group in _files.GroupBy(file => Top(file.Path)))
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach ((string path, string value) in group)
            {
                hash.AppendData(Encoding.UTF8.GetBytes($"{path}\0{value}\0"));
            }

            inputs.Add($"content of {group.Key}", Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
    }

    /// <summary>The first two components.</summary>
    private static string Top(string path)
    {
        int slash = path.IndexOf('/', StringComparison.Ordinal);
        int second = slash < 0 ? -1 : path.IndexOf('/', slash + 1);
        return second < 0 ? slash < 0 ? path : path[..(slash + 1)] : path[..(second + 1)];
    }

    private void Visit(LinuxPath path, LinuxPath below, LinuxPath shown, FileStatus status, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        string mode = withModes ? $" mode {Convert.ToString(CopySources.Mode(status, portableModes), 8)}" : "";
        string owner = withOwners && !tree.IsOwnedByRoot ? $" owner {status.Uid}:{status.Gid}" : "";
        string text = Encoding.Latin1.GetString(shown.Bytes);
        switch (status.Kind)
        {
            case FileKind.File:
                _files.Add((text, tree.DigestOf(path, status) + mode + owner));
                break;
            case FileKind.SymbolicLink:
                _files.Add((text, $"link to {Encoding.Latin1.GetString(tree.ReadSymbolicLink(path))}{owner}"));
                break;
            case FileKind.Directory:
                _files.Add((text + "/", "directory" + mode + owner));
                foreach (byte[] name in tree.List(path))
                {
                    LinuxPath child = path.Append(name), childBelow = below.Append(name);
                    if (tree.Find(child) is { } childStatus && CopySources.IsWanted(excluded, childBelow, childStatus))
                    {
                        Visit(child, childBelow, shown.Append(name), childStatus, cancellationToken);
                    }
                }

                break;
            default:
                _files.Add((text, $"{status.Kind} {status.NodeMajor}:{status.NodeMinor}{mode}{owner}"));
                break;
        }
    }
}
