using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>A rule that something breaks.</summary>
/// <param name="Rule">Which.</param>
/// <param name="Detail">One line about the case at hand; safe to print.</param>
/// <param name="Lines">The instruction's lines.</param>
public sealed record LintWarning(LintRule Rule, string Detail, LineRange Lines)
{
    /// <summary>The short form, as it is listed after a build.</summary>
    public override string ToString() => $"{Rule.Name}: {Detail} (line {Lines.Start})";
}

/// <summary>What the checks found.</summary>
/// <param name="Warnings">In the order of the file.</param>
/// <param name="Failing">Those that <c>error=true</c> makes errors.</param>
public sealed record LintResult(ImmutableArray<LintWarning> Warnings, ImmutableArray<LintWarning> Failing)
{
    /// <summary>Why the build fails; null when it does not.</summary>
    public string? Failure => Failing.IsEmpty ? null
        : "lint violation found for rules: " + string.Join(", ", Failing.Select(warning => warning.Rule.Name).Distinct());
}

/// <summary>The image that a FROM resolved to.</summary>
/// <param name="Reference">Its name.</param>
/// <param name="Config">Its config.</param>
public sealed record BaseImage(string Reference, Oci.ImageConfig Config);

/// <summary>What the checks need besides the document.</summary>
/// <param name="Arguments">Build arguments and platforms.</param>
/// <param name="Target">What the image is for.</param>
public sealed record LintInput(BuildArguments Arguments, Oci.Platform Target)
{
    /// <summary>The context's ignore file; null when there is none or it is not known, and then nothing is said about it.</summary>
    public PatternList? Ignored { get; init; }

    /// <summary>
    /// Images of the stages, by the stage's index, as far as they are known. In a stage without, undefined variables are not
    /// reported, as the image may define them.
    /// </summary>
    public ImmutableDictionary<int, BaseImage> BaseImages { get; init; } = ImmutableDictionary<int, BaseImage>.Empty;

    /// <summary>Options that replace those of the document's directive; null leaves these.</summary>
    public LintOptions? Options { get; init; }

    /// <summary>Indexes of the stages that are checked, when a build needs only some; null is all.</summary>
    public ImmutableHashSet<int>? Stages { get; init; }
}
