using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Mica.Oci;

namespace Mica.RegistryServer.Web;

/// <summary>
/// HTML on its way to a browser, as UTF-8. Text is written as interpolated strings: what stands in the source is markup, and
/// what is filled in is text, escaped for elements and quoted attributes alike. There is no other way in, so nothing from
/// outside becomes markup.
/// </summary>
internal sealed class HtmlWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new(16 * 1024);

    public ReadOnlyMemory<byte> Written => _bytes.WrittenMemory;

    /// <summary>Writes markup with text in it.</summary>
#pragma warning disable CA1822 // The compiler hands this instance to the handler, which has written all when this is called.
    public void Write([InterpolatedStringHandlerArgument("")] ref Markup markup) => _ = markup;
#pragma warning restore CA1822

    /// <summary>Writes text.</summary>
    public void Text(string? text)
    {
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            int plain = 0;
            while (plain < rest.Length && IsPlain(rest[plain]))
            {
                plain++;
            }

            Raw(rest[..plain]);
            if (plain < rest.Length)
            {
                Raw(Escape(rest[plain]));
                plain++;
            }

            rest = rest[plain..];
        }
    }

    private void Raw(ReadOnlySpan<char> markup) => Encoding.UTF8.GetBytes(markup, _bytes);

    private static bool IsPlain(char c) => c >= ' ' ? c is not ('<' or '>' or '&' or '"' or '\'' or '\x7f') && !IsHidden(c) : c is '\n' or '\t';

    /// <summary>Control characters, and those that turn the direction of the text around them: they make text look like other text.</summary>
    private static bool IsHidden(char c) => c is (>= '\x80' and < '\xa0') or '\u061c' or '\u200e' or '\u200f' or '\ufeff'
        or (>= '\u2028' and <= '\u202e') or (>= '\u2060' and <= '\u206f');

    private static string Escape(char c) => c switch
    {
        '<' => "&lt;",
        '>' => "&gt;",
        '&' => "&amp;",
        '"' => "&quot;",
        '\'' => "&#39;",
        '\r' => "",
        _ => "\ufffd",
    };

    /// <summary>Takes an interpolated string apart: the literal parts are markup, the others text.</summary>
    [InterpolatedStringHandler]
    internal readonly ref struct Markup
    {
        private readonly HtmlWriter _html;

        public Markup(int literalLength, int formattedCount, HtmlWriter html)
        {
            _ = literalLength + formattedCount;
            _html = html;
        }

        public void AppendLiteral(string markup) => _html.Raw(markup);

        public void AppendFormatted(string? text) => _html.Text(text);

        public void AppendFormatted(Digest digest) => _html.Raw(digest.ToString());

        public void AppendFormatted(long number) => _html.Raw(number.ToString(CultureInfo.InvariantCulture));

        public void AppendFormatted(double number, string format) => _html.Raw(number.ToString(format, CultureInfo.InvariantCulture));
    }
}
