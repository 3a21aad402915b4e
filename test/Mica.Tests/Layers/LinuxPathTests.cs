using Mica.Layers;

namespace Mica.Tests.Layers;

public sealed class LinuxPathTests
{
    [Fact]
    public void Equals_SameBytes_IsByValue()
    {
        Assert.Equal(new LinuxPath("café"), new LinuxPath("caf\u00e9"u8));
        Assert.Equal(new LinuxPath("a").GetHashCode(), new LinuxPath("a"u8).GetHashCode());
        Assert.NotEqual(new LinuxPath("a//b"), new LinuxPath("a/b"));
        Assert.NotEqual(new LinuxPath([0xe9]), new LinuxPath([0xea]));
        Assert.True(new LinuxPath("") == default && default(LinuxPath).IsEmpty && default(LinuxPath).Length == 0);
    }

    [Theory]
    [InlineData(new byte[] { 0x61, 0x2f, 0xc3, 0xa9 }, "a/é")]
    [InlineData(new byte[] { 0x63, 0xe9, 0x78 }, "c\\xe9x")]
    [InlineData(new byte[] { 0xf0, 0x9f }, "\\xf0\\x9f")]
    [InlineData(new byte[] { 0x1b, 0x5b, 0x0a }, "\\x1b[\\x0a")]
    [InlineData(new byte[0], "")]
    public void ToString_AnyBytes_IsFitForAMessage(byte[] bytes, string text)
    {
        Assert.Equal(text, new LinuxPath(bytes).ToString());
    }
}
