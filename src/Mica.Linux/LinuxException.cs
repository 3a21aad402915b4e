using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Mica.Linux;

/// <summary>
/// A system call failed. The message is one line: <c>open etc/passwd: permission denied (EACCES)</c>; bytes of the name that
/// are no printable text appear as <c>\xNN</c>.
/// </summary>
public sealed class LinuxException : IOException
{
    private const int MaxNameLength = 256;

    /// <summary><paramref name="operation"/> on <paramref name="name"/> failed with <paramref name="errno"/>.</summary>
    public LinuxException(string operation, ReadOnlySpan<byte> name, Errno errno)
        : base(Format(operation, name, errno))
    {
        Errno = errno;
    }

    /// <inheritdoc cref="LinuxException(string, ReadOnlySpan{byte}, Errno)"/>
    public LinuxException(string operation, string name, Errno errno)
        : this(operation, CString.Bytes(name), errno)
    {
    }

    /// <summary>Why the kernel refused.</summary>
    public Errno Errno { get; }

    /// <summary><c>permission denied (EACCES)</c>.</summary>
    public static string Describe(Errno errno)
    {
        string text = Marshal.GetPInvokeErrorMessage((int)errno);
        return $"{char.ToLowerInvariant(text[0])}{text[1..]} ({errno})";
    }

    private static string Format(string operation, ReadOnlySpan<byte> name, Errno errno)
    {
        var text = new StringBuilder(operation);
        if (!name.IsEmpty)
        {
            text.Append(' ');
            AppendPrintable(text, name[..Math.Min(name.Length, MaxNameLength)]);
            text.Append(name.Length > MaxNameLength ? "…" : "");
        }

        return text.Append(": ").Append(Describe(errno)).ToString();
    }

    private static void AppendPrintable(StringBuilder text, ReadOnlySpan<byte> name)
    {
        while (!name.IsEmpty)
        {
            bool isText = Rune.DecodeFromUtf8(name, out Rune rune, out int count) == OperationStatus.Done
                && !Rune.IsControl(rune)
                && Rune.GetUnicodeCategory(rune) is not (System.Globalization.UnicodeCategory.Format
                    or System.Globalization.UnicodeCategory.LineSeparator
                    or System.Globalization.UnicodeCategory.ParagraphSeparator);
            if (isText)
            {
                text.Append(rune.ToString());
            }
            else
            {
                foreach (byte hidden in name[..count])
                {
                    text.Append("\\x").Append(hidden.ToString("x2", null));
                }
            }

            name = name[count..];
        }
    }
}
