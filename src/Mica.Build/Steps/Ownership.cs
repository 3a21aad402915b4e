using System.Globalization;
using System.Text;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>Looks users and groups up in an image's <c>/etc/passwd</c> and <c>/etc/group</c>. USER and <c>--chown</c>.</summary>
internal static class Ownership
{
    private const int MaxFileSize = 8 << 20;

    /// <summary>The user of <c>user[:group]</c>: names, or numbers that need not be in the files.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no such user or group.</exception>
    public static ImageUser Find(ISourceTree? tree, string text) => ImageUser.Find(path => Read(tree, path), text);

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

    private static string Read(ISourceTree? tree, string path)
    {
        if (tree is null)
        {
            return "";
        }

        LinuxPath file = tree.Resolve(new LinuxPath(path));
        if (tree.Find(file) is not { Kind: FileKind.File } status || status.Size > MaxFileSize)
        {
            return "";
        }

        byte[] content = new byte[status.Size];
        using SafeFileHandle handle = tree.OpenFile(file);
        int count = RandomAccess.Read(handle, content, 0);
        return Encoding.UTF8.GetString(content.AsSpan(0, count));
    }
}
