using System.Globalization;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>A user of an image, in numbers.</summary>
/// <param name="Uid">The user.</param>
/// <param name="Gid">Its group.</param>
/// <param name="Groups">Further groups that <c>/etc/group</c> gives it.</param>
/// <param name="Home">Its home directory; null when it is not in <c>/etc/passwd</c>.</param>
public sealed record ImageUser(uint Uid, uint Gid, IReadOnlyList<uint> Groups, string? Home)
{
    /// <summary>As a container is told, whose process has its group among the further ones too.</summary>
    public ContainerUser ToContainerUser() => new(Uid, Gid) { AdditionalGids = [.. Groups.Prepend(Gid).Distinct()] };

    /// <summary>The user of <c>user[:group]</c>: names, or numbers that need not be in the files.</summary>
    /// <param name="read">The content of a file such as <c>etc/passwd</c>; empty when there is none.</param>
    /// <param name="text">Empty: root.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no such user or group.</exception>
    public static ImageUser Find(Func<string, string> read, string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string userText = colon < 0 ? text : text[..colon];
        string groupText = colon < 0 ? "" : text[(colon + 1)..];
        uint uid = 0, gid = 0;
        string? name = null, home = null;
        bool isNumber = uint.TryParse(userText, NumberStyles.None, CultureInfo.InvariantCulture, out uint number);
        string[]? row = userText.Length == 0
            ? Rows(read, "etc/passwd").FirstOrDefault(fields => fields.Length >= 4 && fields[2] == "0")
            : Rows(read, "etc/passwd").FirstOrDefault(fields => fields.Length >= 4 && (fields[0] == userText || (isNumber && fields[2] == userText)));
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

        uint[] groups = [.. name is null || groupText.Length > 0 ? [] : Rows(read, "etc/group")
            .Where(fields => fields.Length >= 4 && fields[3].Split(',').Contains(name))
            .Select(fields => uint.TryParse(fields[2], CultureInfo.InvariantCulture, out uint id) ? id : 0)];
        return groupText.Length == 0
            ? new ImageUser(uid, gid, groups, home)
            : new ImageUser(uid, FindGroup(read, groupText), groups, home);
    }

    /// <summary>The number of a group that is given by name or number.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no such group.</exception>
    public static uint FindGroup(Func<string, string> read, string text)
    {
        if (uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint number))
        {
            return number;
        }

        string[]? row = Rows(read, "etc/group").FirstOrDefault(fields => fields.Length >= 3 && fields[0] == text);
        return row is not null && uint.TryParse(row[2], CultureInfo.InvariantCulture, out uint gid) ? gid
            : text == "root" ? 0u
            : throw new MicaException(ErrorKind.NotFound, $"unable to find group {Printable.Of(text)}: no matching entries in group file");
    }

    private static IEnumerable<string[]> Rows(Func<string, string> read, string path) => read(path).Split('\n').Select(line => line.Split(':'));
}
