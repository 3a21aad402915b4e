using System.Globalization;
using System.Text;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>A user of an image, in numbers.</summary>
/// <param name="Uid">The user.</param>
/// <param name="Gid">Its group.</param>
/// <param name="Groups">Further groups that <c>/etc/group</c> gives it.</param>
/// <param name="Home">Its home directory; null when it is not in <c>/etc/passwd</c>.</param>
internal sealed record ImageUser(uint Uid, uint Gid, IReadOnlyList<uint> Groups, string? Home);

/// <summary>Looks users and groups up in an image's <c>/etc/passwd</c> and <c>/etc/group</c>. USER and <c>--chown</c>.</summary>
internal static class Ownership
{
    private const int MaxFileSize = 8 << 20;

    /// <summary>The user of <c>user[:group]</c>: names, or numbers that need not be in the files.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no such user or group.</exception>
    public static ImageUser Find(ISourceTree? tree, string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string userText = colon < 0 ? text : text[..colon];
        string groupText = colon < 0 ? "" : text[(colon + 1)..];
        uint uid = 0, gid = 0;
        string? name = null, home = null;
        bool isNumber = uint.TryParse(userText, NumberStyles.None, CultureInfo.InvariantCulture, out uint number);
        string[]? row = userText.Length == 0
            ? Rows(tree, "etc/passwd").FirstOrDefault(fields => fields.Length >= 4 && fields[2] == "0")
            : Rows(tree, "etc/passwd").FirstOrDefault(fields => fields.Length >= 4 && (fields[0] == userText || (isNumber && fields[2] == userText)));
        if (row is not null && uint.TryParse(row[2], CultureInfo.InvariantCulture, out uid))
        {
            _ = uint.TryParse(row[3], CultureInfo.InvariantCulture, out gid);
            name = row[0];
            home = row.Length > 5 ? row[5] : null;
        }
        else if (isNumber)
        {
            uid = number;
        }
        else if (userText.Length > 0 && userText != "root")
        {
            throw new MicaException(ErrorKind.NotFound, $"unable to find user {Printable.Of(userText)}: no matching entries in passwd file");
        }

        uint[] groups = [.. name is null || groupText.Length > 0 ? [] : Rows(tree, "etc/group")
            .Where(fields => fields.Length >= 4 && fields[3].Split(',').Contains(name))
            .Select(fields => uint.TryParse(fields[2], CultureInfo.InvariantCulture, out uint id) ? id : 0)];
        return groupText.Length == 0
            ? new ImageUser(uid, gid, groups, home)
            : new ImageUser(uid, Group(tree, groupText), groups, home);
    }

    /// <summary>The owner that <c>--chown</c> means: a number without a group is the group's number too.</summary>
    public static (uint Uid, uint Gid) Owner(ISourceTree? tree, string text)
    {
        if (uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint both))
        {
            return (both, both);
        }

        ImageUser user = Find(tree, text);
        return (user.Uid, user.Gid);
    }

    private static uint Group(ISourceTree? tree, string text)
    {
        if (uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint number))
        {
            return number;
        }

        string[]? row = Rows(tree, "etc/group").FirstOrDefault(fields => fields.Length >= 3 && fields[0] == text);
        return row is not null && uint.TryParse(row[2], CultureInfo.InvariantCulture, out uint gid) ? gid
            : text == "root" ? 0u
            : throw new MicaException(ErrorKind.NotFound, $"unable to find group {Printable.Of(text)}: no matching entries in group file");
    }

    private static IEnumerable<string[]> Rows(ISourceTree? tree, string path)
    {
        if (tree is null)
        {
            return [];
        }

        LinuxPath file = tree.Resolve(new LinuxPath(path));
        if (tree.Find(file) is not { Kind: FileKind.File } status || status.Size > MaxFileSize)
        {
            return [];
        }

        byte[] content = new byte[status.Size];
        using SafeFileHandle handle = tree.OpenFile(file);
        int count = RandomAccess.Read(handle, content, 0);
        return Encoding.UTF8.GetString(content.AsSpan(0, count)).Split('\n').Select(line => line.Split(':'));
    }
}
