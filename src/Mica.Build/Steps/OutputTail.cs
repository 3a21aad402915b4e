using System.Text;

namespace Mica.Build;

/// <summary>The last of what a command wrote, for the message of its failure.</summary>
internal sealed class OutputTail
{
    private const int MaxBytes = 16 << 10;
    private const int MaxLines = 20;

    private readonly byte[] _ring = new byte[MaxBytes];
    private long _count;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        foreach (byte one in bytes)
        {
            _ring[_count++ % MaxBytes] = one;
        }
    }

    /// <summary>At most the last twenty lines.</summary>
    public override string ToString()
    {
        int length = (int)Math.Min(_count, MaxBytes);
        byte[] bytes = new byte[length];
        for (int index = 0; index < length; index++)
        {
            bytes[index] = _ring[(_count - length + index) % MaxBytes];
        }

        string[] lines = Encoding.UTF8.GetString(bytes).TrimEnd('\n').Split('\n');
        return string.Join('\n', lines.TakeLast(MaxLines));
    }
}
