using System.Collections.Immutable;
using System.Text;

namespace Mica.Dockerfile;

/// <summary>
/// The file as lines. Line ends may be LF or CR LF; a byte order mark at the beginning is dropped. Bytes that are not UTF-8
/// become U+FFFD here; whether that is a problem depends on where they stand (<see cref="IsDamaged"/>).
/// </summary>
public sealed class SourceText
{
    /// <summary>A Dockerfile is not larger: 16 MiB.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    /// <summary>Nor has it more lines.</summary>
    public const int MaxLines = 1_000_000;

    private readonly HashSet<int> _damaged;

    private SourceText(string fileName, ImmutableArray<string> lines, HashSet<int> damaged)
    {
        FileName = fileName;
        Lines = lines;
        _damaged = damaged;
    }

    /// <summary>What messages and excerpts call the file.</summary>
    public string FileName { get; }

    /// <summary>Without their line ends.</summary>
    public ImmutableArray<string> Lines { get; }

    /// <summary>The line, counted from 1.</summary>
    public string this[int line] => Lines[line - 1];

    /// <summary>Whether the line had bytes that are not UTF-8, so that its text is not what the file says.</summary>
    public bool IsDamaged(int line) => _damaged.Contains(line);

    /// <summary>Null when the file is larger than <see cref="MaxBytes"/> or has more than <see cref="MaxLines"/> lines.</summary>
    internal static SourceText? Read(ReadOnlySpan<byte> content, string fileName)
    {
        if (content.Length > MaxBytes)
        {
            return null;
        }

        if (content.StartsWith("\uFEFF"u8))
        {
            content = content[3..];
        }

        ImmutableArray<string>.Builder lines = ImmutableArray.CreateBuilder<string>();
        HashSet<int> damaged = [];
        while (!content.IsEmpty)
        {
            int end = content.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? content : content[..end];
            content = end < 0 ? default : content[(end + 1)..];
            if (end >= 0 && line.EndsWith("\r"u8))
            {
                line = line[..^1];
            }

            if (lines.Count == MaxLines)
            {
                return null;
            }

            if (!System.Text.Unicode.Utf8.IsValid(line))
            {
                damaged.Add(lines.Count + 1);
            }

            lines.Add(Encoding.UTF8.GetString(line));
        }

        return new SourceText(fileName, lines.ToImmutable(), damaged);
    }
}
