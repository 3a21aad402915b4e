using System.Text;
using Mica.Layers;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Layers;

public sealed class TarReaderTests
{
    [Fact]
    public void ReadNext_PlainTree_GivesEveryEntryAndItsContent()
    {
        byte[] archive = Tar.Of(
            Dir("etc", mode: 0x1c0), File("etc/a", "hello", uid: 1000, gid: 100), Symlink("b", "/etc/a"), Hard("c", "etc/a"),
            Fifo("p"), CharDevice("n", 1, 3), BlockDevice("d", 8, 0), Whiteout("x/y"), Opaque("o"));

        List<(TarEntry Entry, string Content)> read = ReadAll(archive);

        Assert.Equal(["etc", "etc/a", "b", "c", "p", "n", "d", "x/.wh.y", "o/.wh..wh..opq"], read.Select(each => each.Entry.Path.ToString()));
        Assert.Equal(
            [TarEntryKind.Directory, TarEntryKind.File, TarEntryKind.SymbolicLink, TarEntryKind.HardLink, TarEntryKind.Fifo,
                TarEntryKind.CharacterDevice, TarEntryKind.BlockDevice, TarEntryKind.File, TarEntryKind.File],
            read.Select(each => each.Entry.Kind));
        Assert.Equal("hello", read[1].Content);
        Assert.Equal((1000u, 100u, 0x1a4), (read[1].Entry.Uid, read[1].Entry.Gid, read[1].Entry.Mode));
        Assert.Equal("/etc/a", read[2].Entry.LinkTarget.ToString());
        Assert.Equal((1, 3), (read[5].Entry.DeviceMajor, read[5].Entry.DeviceMinor));
        Assert.Equal(DefaultTime, read[0].Entry.ModificationTime);
    }

    internal static List<(TarEntry Entry, string Content)> ReadAll(byte[] archive)
    {
        var reader = new TarReader(new MemoryStream(archive));
        var all = new List<(TarEntry, string)>();
        while (reader.ReadNext() is { } entry)
        {
            using var content = new MemoryStream();
            while (reader.TryReadContent(out ReadOnlySpan<byte> piece, out long offset))
            {
                content.Position = offset;
                content.Write(piece);
            }

            content.SetLength(entry.Size);
            all.Add((entry, Encoding.Latin1.GetString(content.ToArray())));
        }

        return all;
    }
}
