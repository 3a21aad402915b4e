using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Manifests;

/// <summary>Which tags may not move once they stand for something, by patterns over <c>REPOSITORY:TAG</c>.</summary>
internal sealed class TagRules(ImmutableArray<string> immutable)
{
    private readonly ImmutableArray<NamePattern> _immutable = [.. immutable.Select(NamePattern.Parse)];

    public bool IsImmutable(string repository, string tag)
    {
        string name = $"{repository}:{tag}";
        return _immutable.Any(pattern => pattern.Matches(name));
    }

    /// <exception cref="RefusedException">The tag is immutable.</exception>
    public void CheckRemoval(string repository, string tag)
    {
        if (IsImmutable(repository, tag))
        {
            throw new RefusedException(ErrorCode.TagImmutable, $"{repository}:{tag} is immutable and may not be removed");
        }
    }
}

/// <summary>A pattern over names: <c>*</c> is anything but a slash, <c>**</c> anything, <c>?</c> one character.</summary>
internal sealed class NamePattern
{
    private readonly Regex _regex;

    private NamePattern(string text, Regex regex)
    {
        Text = text;
        _regex = regex;
    }

    public string Text { get; }

    public static NamePattern Parse(string text)
    {
        var regex = new StringBuilder(@"\A");
        for (int index = 0; index < text.Length; index++)
        {
            bool isDouble = text[index] == '*' && index + 1 < text.Length && text[index + 1] == '*';
            regex.Append(isDouble ? ".*" : text[index] switch
            {
                '*' => "[^/]*",
                '?' => "[^/]",
                var other => Regex.Escape(other.ToString()),
            });
            index += isDouble ? 1 : 0;
        }

        // Patterns of this kind backtrack; without backtracking the time is bounded by the text.
        return new NamePattern(text, new Regex(regex.Append(@"\z").ToString(), RegexOptions.NonBacktracking | RegexOptions.Singleline));
    }

    public bool Matches(string name) => _regex.IsMatch(name);
}
