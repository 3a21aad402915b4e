using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>
/// Replaces variables and removes quotes and escapes as the Dockerfile's language does it, which is a small part of what a
/// shell does. Dockerfile reference, "Environment replacement".
/// </summary>
/// <param name="escape">The escape character of the file, <c>\</c> or <c>`</c>.</param>
public sealed class ShellLexer(char escape)
{
    /// <summary>No expansion gets longer, however often its values repeat each other: 1 Mi characters.</summary>
    public const int MaxLength = 1 << 20;

    internal const int MaxDepth = 100;

    internal char Escape { get; } = escape;

    /// <summary>Quotes stay in the result, though they do their work.</summary>
    public bool RawQuotes { get; init; }

    /// <summary>Escape characters stay in the result, though they do their work.</summary>
    public bool RawEscapes { get; init; }

    /// <summary>Quotes are ordinary characters, as in here-documents.</summary>
    public bool PlainQuotes { get; init; }

    /// <summary>Variables without a value stay as they are written.</summary>
    public bool KeepUnset { get; init; }

    /// <summary>The text with the values of <paramref name="scope"/>, whole and split into words.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: broken syntax, or <c>${name:?message}</c> has no value.</exception>
    public Expansion Expand(string text, VariableScope scope) => Expand(text, scope, new VariableUse());

    internal Expansion Expand(string text, VariableScope scope, VariableUse use)
    {
        if (text.Length > MaxLength)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"a word is longer than {MaxLength} characters");
        }

        (string result, ImmutableArray<string> words) = new ExpansionReader(this, text, scope, use).Read();
        return new Expansion(result, words, use.Used, use.Undefined);
    }
}
