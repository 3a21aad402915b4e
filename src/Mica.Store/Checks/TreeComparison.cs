using System.Buffers;
using System.Globalization;
using System.Text;
using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>Compares two trees: names, kinds, owners, modes, times, links, attributes and contents.</summary>
internal sealed class TreeComparison(CancellationToken cancellationToken)
{
    private const int BufferSize = 128 << 10;

    /// <summary>Of the names that lead to one file, the partner of the first.</summary>
    private readonly Dictionary<FileIdentity, FileIdentity> _links = [];

    /// <summary>The first difference, in a line; null when there is none.</summary>
    public string? Compare(string expected, string actual)
    {
        using DirectoryHandle left = DirectoryHandle.Open(expected);
        using DirectoryHandle right = DirectoryHandle.Open(actual);
        return CompareStatus("/", left.GetStatus(), right.GetStatus()) ?? CompareDirectory("", left, right);
    }

    private string? CompareDirectory(string path, DirectoryHandle left, DirectoryHandle right)
    {
        cancellationToken.ThrowIfCancellationRequested();
        SortedSet<string> expected = Names(left);
        SortedSet<string> actual = Names(right);
        foreach (string name in expected)
        {
            string full = $"{path}/{Show(name)}";
            if (!actual.Contains(name))
            {
                return $"{full} is missing";
            }

            if (CompareEntry(full, Encoding.Latin1.GetBytes(name), left, right) is { } difference)
            {
                return difference;
            }
        }

        return actual.Except(expected).FirstOrDefault() is { } added ? $"{path}/{Show(added)} was added" : null;
    }

    private string? CompareEntry(string path, byte[] name, DirectoryHandle left, DirectoryHandle right)
    {
        FileStatus expected = left.GetStatus(name);
        FileStatus actual = right.GetStatus(name);
        string? difference = CompareStatus(path, expected, actual) ?? CompareXattrs(path, name, left, right);
        if (difference is not null)
        {
            return difference;
        }

        switch (expected.Kind)
        {
            case FileKind.Directory:
                using (DirectoryHandle below = left.OpenDirectory(name))
                using (DirectoryHandle other = right.OpenDirectory(name))
                {
                    return CompareDirectory(path, below, other);
                }

            case FileKind.SymbolicLink:
                return left.ReadSymbolicLink(name).AsSpan().SequenceEqual(right.ReadSymbolicLink(name)) ? null : $"{path} points elsewhere";

            case FileKind.File when _links.TryGetValue(expected.Identity, out FileIdentity partner):
                return partner == actual.Identity ? null : $"{path} is not linked any more";

            case FileKind.File:
                _links.Add(expected.Identity, actual.Identity);
                using (SafeFileHandle content = left.OpenFile(name))
                using (SafeFileHandle other = right.OpenFile(name))
                {
                    return IsSame(content, other) ? null : $"{path} has other content";
                }

            default:
                return null;
        }
    }

    private static string? CompareStatus(string path, FileStatus expected, FileStatus actual)
    {
        if (expected.Kind != actual.Kind || expected.NodeMajor != actual.NodeMajor || expected.NodeMinor != actual.NodeMinor)
        {
            return $"{path} is of another kind";
        }

        return expected.Uid != actual.Uid || expected.Gid != actual.Gid ? $"{path} has another owner"
            : expected.Mode != actual.Mode ? $"{path} has mode {Octal(actual.Mode)}, not {Octal(expected.Mode)}"
            : expected.Kind == FileKind.File && expected.Size != actual.Size ? $"{path} has {actual.Size} bytes, not {expected.Size}"
            : expected.Modified != actual.Modified && IsTold(expected.Kind, path) ? $"{path} has another time"
            : null;
    }

    /// <summary>The time of the tree's own directory is in the layer only if it has an entry for it.</summary>
    private static bool IsTold(FileKind kind, string path) => kind != FileKind.Directory || path != "/";

    private static string? CompareXattrs(string path, byte[] name, DirectoryHandle left, DirectoryHandle right)
    {
        string[] expected = [.. Attributes(left)];
        return expected.SequenceEqual(Attributes(right), StringComparer.Ordinal) ? null : $"{path} has other attributes";

        IEnumerable<string> Attributes(DirectoryHandle directory) => directory.ListXattrs(name)
            .Select(attribute => $"{Encoding.Latin1.GetString(attribute)}={Convert.ToHexString(directory.GetXattr(name, attribute) ?? [])}")
            .Order(StringComparer.Ordinal);
    }

    private static bool IsSame(SafeFileHandle left, SafeFileHandle right)
    {
        byte[] one = ArrayPool<byte>.Shared.Rent(BufferSize);
        byte[] two = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (long offset = 0; ;)
            {
                int count = RandomAccess.Read(left, one.AsSpan(0, BufferSize), offset);
                int other = RandomAccess.Read(right, two.AsSpan(0, BufferSize), offset);
                if (count != other || !one.AsSpan(0, count).SequenceEqual(two.AsSpan(0, count)))
                {
                    return false;
                }

                if (count == 0)
                {
                    return true;
                }

                offset += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(one);
            ArrayPool<byte>.Shared.Return(two);
        }
    }

    /// <summary>The names as Latin-1, in which every byte is a character.</summary>
    private static SortedSet<string> Names(DirectoryHandle directory)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        using var reader = new DirectoryReader(directory);
        while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
        {
            names.Add(Encoding.Latin1.GetString(name));
        }

        return names;
    }

    private static string Show(string latin1) => Printable.Of(Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(latin1)));

    private static string Octal(uint mode) => Convert.ToString(mode, 8).ToString(CultureInfo.InvariantCulture);
}
