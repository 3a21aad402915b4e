using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Tests.Layers;

/// <summary>
/// A directory as text, a line per file, sorted: kind, mode, owner, path, then what the kind has (content or its size and
/// digest, the link's target, the device's numbers), hard links by their first name, extended attributes, and times if asked.
/// <code>
/// d 0755 0:0 etc
/// f 4755 0:0 etc/a "x" security.capability=0x0100
/// </code>
/// </summary>
internal sealed class TreePrinter
{
    private const int ShortContent = 40;

    private readonly List<(byte[] Path, string Line)> _lines = [];
    private readonly Dictionary<FileIdentity, string> _firstNames = [];
    private readonly bool _times;
    private readonly bool _changeTimes;

    private TreePrinter(bool times, bool changeTimes)
    {
        _times = times;
        _changeTimes = changeTimes;
    }

    /// <summary>
    /// Everything in <paramref name="path"/>, itself included as <c>.</c>. <paramref name="changeTimes"/> adds when each inode
    /// was last touched in any way: two prints are then equal only if nothing happened in between.
    /// </summary>
    public static string Print(string path, bool times = false, bool changeTimes = false)
    {
        using DirectoryHandle root = DirectoryHandle.Open(path);
        var printer = new TreePrinter(times, changeTimes);
        printer.Add(root, "."u8, []);
        printer.Walk(root, []);
        printer._lines.Sort((left, right) => left.Path.AsSpan().SequenceCompareTo(right.Path));
        return string.Join('\n', printer._lines.Select(line => line.Line));
    }

    private void Walk(DirectoryHandle directory, byte[] path)
    {
        var names = new List<byte[]>();
        using (var reader = new DirectoryReader(directory))
        {
            while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
            {
                names.Add(name.ToArray());
            }
        }

        foreach (byte[] name in names.OrderBy(Convert.ToHexString, StringComparer.Ordinal))
        {
            byte[] inner = path.Length == 0 ? name : [.. path, (byte)'/', .. name];
            if (Add(directory, name, inner).Kind == FileKind.Directory)
            {
                using DirectoryHandle child = directory.OpenDirectory(name);
                Walk(child, inner);
            }
        }
    }

    private FileStatus Add(DirectoryHandle directory, ReadOnlySpan<byte> name, byte[] path)
    {
        FileStatus status = directory.GetStatus(name);
        var line = new StringBuilder();
        line.Append(status.IsWhiteout ? 'w' : Letter(status.Kind)).Append(' ');
        line.Append(Convert.ToString((int)status.Mode, 8).PadLeft(4, '0')).Append(' ');
        line.Append(CultureInfo.InvariantCulture, $"{status.Uid}:{status.Gid} ").Append(path.Length == 0 ? "." : Text(path));
        AppendWhatItHas(line, directory, name, status, path);
        foreach (byte[] attribute in directory.ListXattrs(name).OrderBy(Convert.ToHexString, StringComparer.Ordinal))
        {
            byte[] value = directory.GetXattr(name, attribute) ?? [];
            bool isText = value.All(one => one is > 0x20 and < 0x7f);
            line.Append(CultureInfo.InvariantCulture, $" {Text(attribute)}=");
            line.Append(isText ? Encoding.ASCII.GetString(value) : "0x" + Convert.ToHexStringLower(value));
        }

        line.Append(_times ? $" {Text(status.Modified)}" : "").Append(_changeTimes ? $" c{Text(status.Changed)}" : "");
        _lines.Add((path, line.ToString()));
        return status;
    }

    private void AppendWhatItHas(StringBuilder line, DirectoryHandle directory, ReadOnlySpan<byte> name, FileStatus status, byte[] path)
    {
        if (status.Kind != FileKind.Directory && status.LinkCount > 1 && !_firstNames.TryAdd(status.Identity, Text(path)))
        {
            line.Append(" = ").Append(_firstNames[status.Identity]);
            return;
        }

        switch (status.Kind)
        {
            case FileKind.File:
                line.Append(' ').Append(Content(directory, name));
                break;
            case FileKind.SymbolicLink:
                line.Append(" -> ").Append(Text(directory.ReadSymbolicLink(name)));
                break;
            case FileKind.CharacterDevice or FileKind.BlockDevice when !status.IsWhiteout:
                line.Append(CultureInfo.InvariantCulture, $" {status.NodeMajor}:{status.NodeMinor}");
                break;
        }
    }

    private static string Content(DirectoryHandle directory, ReadOnlySpan<byte> name)
    {
        using SafeFileHandle handle = directory.OpenFile(name);
        using var file = new FileStream(handle, FileAccess.Read, 0);
        if (file.Length > ShortContent)
        {
            return $"{file.Length}:{Convert.ToHexStringLower(SHA256.HashData(file))[..12]}";
        }

        byte[] content = new byte[file.Length];
        file.ReadExactly(content);
        return $"\"{Text(content)}\"";
    }

    private static char Letter(FileKind kind) => kind switch
    {
        FileKind.File => 'f',
        FileKind.Directory => 'd',
        FileKind.SymbolicLink => 'l',
        FileKind.CharacterDevice => 'c',
        FileKind.BlockDevice => 'b',
        FileKind.Fifo => 'p',
        _ => '?',
    };

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        foreach (byte one in bytes)
        {
            text.Append(one is >= 0x20 and < 0x7f and not (byte)'\\' ? ((char)one).ToString() : $"\\x{one:x2}");
        }

        return text.ToString();
    }

    private static string Text(FileTime time) => string.Create(CultureInfo.InvariantCulture, $"{time.Seconds}.{time.Nanoseconds:d9}");
}
