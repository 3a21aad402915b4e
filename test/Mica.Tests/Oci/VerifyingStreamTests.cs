using Mica.Oci;

namespace Mica.Tests.Oci;

public sealed class VerifyingStreamTests
{
    private static readonly byte[] s_content = SampleImage.Bytes(1000, 1);

    [Fact]
    public void Seek_BackAndReadAgain_StillVerifies()
    {
        using var stream = new VerifyingStream(new MemoryStream(s_content), Descriptor.Of(MediaTypes.OciLayer, s_content));
        byte[] piece = new byte[600];

        stream.ReadExactly(piece);
        stream.Position = 100;
        var copy = new MemoryStream();
        stream.CopyTo(copy);

        Assert.Equal(s_content[100..], copy.ToArray());
    }

    [Fact]
    public void Seek_BackInWrongBytes_StillThrows()
    {
        byte[] wrong = [.. s_content];
        wrong[999] ^= 1;
        using var stream = new VerifyingStream(new MemoryStream(wrong), Descriptor.Of(MediaTypes.OciLayer, s_content));

        stream.ReadExactly(new byte[600]);
        stream.Position = 0;

        Assert.Throws<DigestMismatchException>(() => stream.CopyTo(Stream.Null));
    }

    [Fact]
    public void Seek_OverUnreadBytes_Throws()
    {
        using var stream = new VerifyingStream(new MemoryStream(s_content), Descriptor.Of(MediaTypes.OciLayer, s_content));

        stream.ReadExactly(new byte[10]);

        Assert.Throws<NotSupportedException>(() => stream.Position = 11);
    }

    [Fact]
    public void Seek_InnerStartsInTheMiddle_CountsFromThere()
    {
        using var stream = new VerifyingStream(
            new MemoryStream([1, 2, 3, .. s_content]) { Position = 3 }, Descriptor.Of(MediaTypes.OciLayer, s_content));

        stream.ReadExactly(new byte[500]);
        stream.Position = 0;
        var copy = new MemoryStream();
        stream.CopyTo(copy);

        Assert.Equal(s_content, copy.ToArray());
    }

    [Fact]
    public void Seek_InnerCannot_Throws()
    {
        using var stream = new VerifyingStream(new FailingStream(s_content, 1000), Descriptor.Of(MediaTypes.OciLayer, s_content));

        Assert.False(stream.CanSeek);
        Assert.ThrowsAny<NotSupportedException>(() => stream.Position = 0);
    }
}
