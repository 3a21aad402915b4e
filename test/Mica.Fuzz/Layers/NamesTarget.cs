using System.Text;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Fuzz.Layers;

/// <summary>Paths of layers: what is normalized stays inside, and is normalized once and for all.</summary>
internal sealed class NamesTarget : FuzzTarget
{
    public override string Description => "LinuxPath and EntryPath: names of files in layers, whiteouts";

    public override IReadOnlyList<byte[]> Seeds { get; } = Testdata.Bytes("etc/passwd", "./a/../b//c/", "/a", "a/.wh.b", "a/.wh..wh..opq", ".wh..wh.plnk/1", "é");

    public override IReadOnlyList<byte[]> Words { get; } =
        [.. Testdata.Bytes("/", "..", "../", "./", "//", ".wh.", ".wh..wh.", ".wh..wh..opq", "\u202e", "\n", "\u001b["), [0xff], [0xc3], [0xed, 0xa0, 0x80]];

    public override void Run(byte[] input)
    {
        if (input.AsSpan().Contains((byte)0) || input.Length == 0)
        {
            // The tar reader gives no such path.
            return;
        }

        var path = new LinuxPath(input);
        FuzzCase.CheckMessage(new MicaException(ErrorKind.ContentMismatch, $"{path}: refused"));
        FuzzFailure.Unless(path == new LinuxPath(input) && path.Bytes.SequenceEqual(input), "bytes are lost");

        byte[] normalized = EntryPath.Normalize(path, new byte[input.Length]).ToArray();
        string[] parts = Encoding.Latin1.GetString(normalized).Split('/');
        FuzzFailure.Unless(normalized.Length == 0 || !parts.Any(part => part is "" or "." or ".."), "a normalized path has an empty part, . or ..");
        FuzzFailure.Unless(EntryPath.Normalize(new LinuxPath(normalized), new byte[normalized.Length]).SequenceEqual(normalized), "normalizing again changes it");
        EntryPath.Classify(normalized);
    }
}
