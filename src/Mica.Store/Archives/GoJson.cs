using System.Text;

namespace Mica.Store;

/// <summary>JSON as Go's <c>encoding/json</c> writes it, where the digest of a document depends on the very bytes.</summary>
internal static class GoJson
{
    /// <summary>Appends a string with Go's choice of escapes.</summary>
    public static void AppendString(StringBuilder json, string text)
    {
        json.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"' or '\\':
                    json.Append('\\').Append(c);
                    break;
                case '\n':
                    json.Append("\\n");
                    break;
                case '\r':
                    json.Append("\\r");
                    break;
                case '\t':
                    json.Append("\\t");
                    break;
                case < ' ':
                    AppendEscape(json, c);
                    break;
                default:
                    AppendHtmlSafe(json, c);
                    break;
            }
        }

        json.Append('"');
    }

    /// <summary>Appends a value that is JSON already: as it is, without the space between its parts.</summary>
    public static void AppendCompact(StringBuilder json, string raw)
    {
        bool inString = false;
        for (int i = 0; i < raw.Length; i++)
        {
            char c = raw[i];
            if (inString && c == '\\')
            {
                json.Append(c).Append(raw[++i]);
            }
            else if (inString || c is not (' ' or '\t' or '\r' or '\n'))
            {
                inString ^= c == '"';
                AppendHtmlSafe(json, c);
            }
        }
    }

    /// <summary>Go escapes what could end a script in HTML, and the line ends that old JavaScript did not take.</summary>
    private static void AppendHtmlSafe(StringBuilder json, char c)
    {
        if (c is '<' or '>' or '&' or '\u2028' or '\u2029')
        {
            AppendEscape(json, c);
        }
        else
        {
            json.Append(c);
        }
    }

    private static void AppendEscape(StringBuilder json, char c) => json.Append("\\u").Append(((int)c).ToString("x4", null));
}
