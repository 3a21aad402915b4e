using System.Collections.Immutable;
using System.Text;

namespace Mica.Dockerfile;

/// <summary>A rule of the build checks. Build checks reference, docs.docker.com/reference/build-checks.</summary>
/// <param name="Name">What <c>skip</c> and messages call it.</param>
/// <param name="Description">What it is about, without the case at hand.</param>
/// <param name="IsExperimental">Off until a file or build asks for it.</param>
public sealed record LintRule(string Name, string Description, bool IsExperimental = false)
{
    /// <summary>Where the rule is explained; null for the one that has no page.</summary>
    public string? Url => Name == nameof(LintRules.InvalidBaseImagePlatform) ? null : $"https://docs.docker.com/go/dockerfile/rule/{Kebab(Name)}/";

    private static string Kebab(string name)
    {
        var result = new StringBuilder();
        for (int i = 0; i < name.Length; i++)
        {
            // A run of capitals is one word: JSONArgs is json-args.
            bool starts = i > 0 && char.IsUpper(name[i]) && (char.IsLower(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            result.Append(starts ? "-" : "").Append(char.ToLowerInvariant(name[i]));
        }

        return result.ToString();
    }
}

/// <summary>All rules.</summary>
public static class LintRules
{
    /// <summary>Stage names are lower case.</summary>
    public static LintRule StageNameCasing { get; } = new("StageNameCasing", "Stage names should be lowercase");

    /// <summary>FROM and AS have one casing.</summary>
    public static LintRule FromAsCasing { get; } = new("FromAsCasing", "The 'as' keyword should match the case of the 'from' keyword");

    /// <summary>No empty lines within an instruction.</summary>
    public static LintRule NoEmptyContinuation { get; } = new("NoEmptyContinuation", "Empty continuation lines will become errors in a future release");

    /// <summary>All keywords have one casing.</summary>
    public static LintRule ConsistentInstructionCasing { get; } =
        new("ConsistentInstructionCasing", "All commands within the Dockerfile should use the same casing (either upper or lower)");

    /// <summary>No two stages have one name.</summary>
    public static LintRule DuplicateStageName { get; } = new("DuplicateStageName", "Stage names should be unique");

    /// <summary>No stage is called <c>scratch</c> or <c>context</c>.</summary>
    public static LintRule ReservedStageName { get; } = new("ReservedStageName", "Reserved words should not be used as stage names");

    /// <summary>CMD and ENTRYPOINT have the exec form.</summary>
    public static LintRule JSONArgsRecommended { get; } =
        new("JSONArgsRecommended", "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals");

    /// <summary>No MAINTAINER.</summary>
    public static LintRule MaintainerDeprecated { get; } =
        new("MaintainerDeprecated", "The MAINTAINER instruction is deprecated, use a label instead to define an image author");

    /// <summary>FROM uses declared arguments.</summary>
    public static LintRule UndefinedArgInFrom { get; } = new("UndefinedArgInFrom", "FROM command must use declared ARGs");

    /// <summary>A relative WORKDIR comes after an absolute one.</summary>
    public static LintRule WorkdirRelativePath { get; } = new(
        "WorkdirRelativePath",
        "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes");

    /// <summary>Variables are defined.</summary>
    public static LintRule UndefinedVar { get; } = new("UndefinedVar", "Variables should be defined before their use");

    /// <summary>One CMD, ENTRYPOINT and HEALTHCHECK in a stage.</summary>
    public static LintRule MultipleInstructionsDisallowed { get; } =
        new("MultipleInstructionsDisallowed", "Multiple instructions of the same type should not be used in the same stage");

    /// <summary>ENV and LABEL have an equals sign.</summary>
    public static LintRule LegacyKeyValueFormat { get; } =
        new("LegacyKeyValueFormat", "Legacy key/value format with whitespace separator should not be used");

    /// <summary>The base image is for the platform that is built.</summary>
    public static LintRule InvalidBaseImagePlatform { get; } =
        new("InvalidBaseImagePlatform", "Base image platform does not match expected target platform");

    /// <summary>No <c>--platform=$TARGETPLATFORM</c>.</summary>
    public static LintRule RedundantTargetPlatform { get; } = new(
        "RedundantTargetPlatform", "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior");

    /// <summary>No secrets in ARG and ENV.</summary>
    public static LintRule SecretsUsedInArgOrEnv { get; } =
        new("SecretsUsedInArgOrEnv", "Sensitive data should not be used in the ARG or ENV commands");

    /// <summary>FROM is valid with the defaults.</summary>
    public static LintRule InvalidDefaultArgInFrom { get; } =
        new("InvalidDefaultArgInFrom", "Default value for global ARG results in an empty or invalid base image name");

    /// <summary>No constant <c>--platform</c>.</summary>
    public static LintRule FromPlatformFlagConstDisallowed { get; } =
        new("FromPlatformFlagConstDisallowed", "FROM --platform flag should not use a constant value");

    /// <summary>COPY takes what is in the context.</summary>
    public static LintRule CopyIgnoredFile { get; } = new("CopyIgnoredFile", "Attempting to Copy file that is excluded by .dockerignore");

    /// <summary>Comments above stages and arguments describe them.</summary>
    public static LintRule InvalidDefinitionDescription { get; } = new(
        "InvalidDefinitionDescription",
        "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.",
        IsExperimental: true);

    /// <summary>Protocols are lower case.</summary>
    public static LintRule ExposeProtoCasing { get; } = new("ExposeProtoCasing", "Protocol in EXPOSE instruction should be lowercase");

    /// <summary>EXPOSE has ports of the container only.</summary>
    public static LintRule ExposeInvalidFormat { get; } = new(
        "ExposeInvalidFormat",
        "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release");

    /// <summary>Every rule.</summary>
    public static ImmutableArray<LintRule> All { get; } =
    [
        StageNameCasing, FromAsCasing, NoEmptyContinuation, ConsistentInstructionCasing, DuplicateStageName, ReservedStageName,
        JSONArgsRecommended, MaintainerDeprecated, UndefinedArgInFrom, WorkdirRelativePath, UndefinedVar, MultipleInstructionsDisallowed,
        LegacyKeyValueFormat, InvalidBaseImagePlatform, RedundantTargetPlatform, SecretsUsedInArgOrEnv, InvalidDefaultArgInFrom,
        FromPlatformFlagConstDisallowed, CopyIgnoredFile, InvalidDefinitionDescription, ExposeProtoCasing, ExposeInvalidFormat,
    ];
}
