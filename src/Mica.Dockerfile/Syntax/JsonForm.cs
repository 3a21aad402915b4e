using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Mica.Dockerfile;

/// <summary>Tells the exec form, a JSON array of strings, from the shell form.</summary>
internal static class JsonForm
{
    public const string OnlyStrings = "when using JSON array syntax, arrays must be comprised of strings only";

    public enum Kind
    {
        /// <summary>Not JSON: shell form.</summary>
        None,

        /// <summary>An array of strings.</summary>
        Strings,

        /// <summary>An array, but not of strings only; this is never meant as a command.</summary>
        Mixed,
    }

    public static Kind Parse(string text, out ImmutableArray<string> words)
    {
        words = [];
        if (!text.AsSpan().TrimStart().StartsWith("["))
        {
            return Kind.None;
        }

        ImmutableArray<string>.Builder result = ImmutableArray.CreateBuilder<string>();
        bool mixed = false;
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), new JsonReaderOptions { MaxDepth = 64 });
            reader.Read();
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.String && reader.CurrentDepth == 1)
                {
                    result.Add(reader.GetString()!);
                }
                else if (reader.TokenType != JsonTokenType.EndArray || reader.CurrentDepth != 0)
                {
                    mixed = true;
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Broken JSON is what a shell's test command looks like: [ -f x ] && y. Half a surrogate pair is no text.
            return Kind.None;
        }

        words = mixed ? [] : result.ToImmutable();
        return mixed ? Kind.Mixed : Kind.Strings;
    }
}
