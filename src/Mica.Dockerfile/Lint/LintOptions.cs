using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>
/// Which rules run, and whether a warning fails the build: the <c>check</c> directive, the comment <c># check=…</c> above an
/// instruction, or the argument <c>BUILDKIT_DOCKERFILE_CHECK</c>.
/// </summary>
public sealed record LintOptions
{
    /// <summary>Rules that do not run.</summary>
    public ImmutableHashSet<string> Skip { get; init; } = [];

    /// <summary>No rule runs.</summary>
    public bool SkipAll { get; init; }

    /// <summary>Experimental rules that run.</summary>
    public ImmutableHashSet<string> Experimental { get; init; } = [];

    /// <summary>All experimental rules run.</summary>
    public bool ExperimentalAll { get; init; }

    /// <summary>A warning is an error.</summary>
    public bool Error { get; init; }

    /// <summary>Reads <c>skip=A,B;error=true;experimental=all</c>.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not such a text.</exception>
    public static LintOptions Parse(string text) => TryParse(text, out LintOptions? options, out string? problem)
        ? options
        : throw new MicaException(ErrorKind.InvalidArgument, problem);

    internal static bool TryParse(string text, [NotNullWhen(true)] out LintOptions? options, [NotNullWhen(false)] out string? problem)
    {
        options = null;
        problem = null;
        var result = new LintOptions();
        foreach (string part in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string key = (equals < 0 ? part : part[..equals]).Trim();
            string value = equals < 0 ? "" : part[(equals + 1)..].Trim();
            bool all = value.Equals("all", StringComparison.OrdinalIgnoreCase);
            switch (key)
            {
                case "skip" when equals >= 0:
                    result = all ? result with { SkipAll = true } : result with { Skip = Names(value) };
                    break;
                case "experimental" when equals >= 0:
                    result = all ? result with { ExperimentalAll = true } : result with { Experimental = Names(value) };
                    break;
                case "error" when FlagValues.ParseBool(value) is { } error:
                    result = result with { Error = error };
                    break;
                case "error":
                    problem = Printable.Of($"failed to parse check option \"{part}\": not a boolean");
                    return false;
                default:
                    problem = Printable.Of($"invalid check option \"{part}\"");
                    return false;
            }
        }

        options = result;
        return true;
    }

    /// <summary>These options with those of a comment added.</summary>
    internal LintOptions With(ImmutableArray<string> comments)
    {
        LintOptions result = this;
        foreach (string comment in comments)
        {
            if (CheckOf(comment) is { } text && TryParse(text, out LintOptions? more, out _))
            {
                result = new LintOptions
                {
                    Skip = result.Skip.Union(more.Skip),
                    SkipAll = result.SkipAll || more.SkipAll,
                    Experimental = result.Experimental.Union(more.Experimental),
                    ExperimentalAll = result.ExperimentalAll || more.ExperimentalAll,
                    Error = result.Error || more.Error,
                };
            }
        }

        return result;
    }

    internal bool Allows(LintRule rule) => !SkipAll && !Skip.Contains(rule.Name)
        && (!rule.IsExperimental || ExperimentalAll || Experimental.Contains(rule.Name));

    /// <summary>What follows <c>check=</c> in a comment; null in other comments.</summary>
    internal static string? CheckOf(string comment)
    {
        int equals = comment.IndexOf('=', StringComparison.Ordinal);
        return equals >= 0 && comment.AsSpan(0, equals).Trim().Equals("check", StringComparison.OrdinalIgnoreCase) ? comment[(equals + 1)..].Trim() : null;
    }

    private static ImmutableHashSet<string> Names(string value) =>
        [.. value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
}
