using System.Collections.Immutable;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Dockerfile;

/// <summary>Every rule with what breaks it and what does not. In the texts <c>|</c> stands for a line break.</summary>
public sealed class LinterTests
{
    private static readonly Platform s_amd64 = new() { Os = "linux", Architecture = "amd64" };

    [Theory]
    [InlineData("FROM scratch AS BuilderBase", "StageNameCasing: Stage name 'BuilderBase' should be lowercase (line 1)")]
    [InlineData("FROM scratch AS builder-base", "")]
    [InlineData("FROM scratch as b", "FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)")]
    [InlineData("from scratch AS b", "FromAsCasing: 'AS' and 'from' keywords' casing do not match (line 1)")]
    [InlineData("from scratch as b", "")]
    [InlineData("FROM scratch|RUN a \\||  b", "NoEmptyContinuation: Empty continuation line (line 2)")]
    [InlineData("FROM scratch|RUN a \\|# comment|  b", "")]
    [InlineData("FROM scratch|RUN a|run b", "ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase) (line 3)")]
    [InlineData("from scratch|run a|RUN b", "ConsistentInstructionCasing: Command 'RUN' should match the case of the command majority (lowercase) (line 3)")]
    [InlineData("FROM scratch|rUn a", "ConsistentInstructionCasing: Command 'rUn' should match the case of the command majority (uppercase) (line 2)")]
    [InlineData("from scratch|run a", "")]
    [InlineData("FROM scratch AS a|FROM scratch AS a", "DuplicateStageName: Duplicate stage name \"a\", stage names should be unique (line 2)")]
    [InlineData("FROM scratch AS a|FROM scratch AS b", "")]
    [InlineData("FROM scratch AS context", "ReservedStageName: Stage name should not use the same name as reserved stage \"context\" (line 1)")]
    [InlineData("FROM scratch AS scratch", "ReservedStageName: Stage name should not use the same name as reserved stage \"scratch\" (line 1)")]
    [InlineData("FROM scratch|CMD a", "JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (line 2)")]
    [InlineData("FROM scratch|ENTRYPOINT a", "JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals (line 2)")]
    [InlineData("FROM scratch|CMD [\"a\"]|ENTRYPOINT [\"b\"]", "")]
    [InlineData("FROM scratch|SHELL [\"bash\", \"-c\"]|CMD a", "")]
    [InlineData("FROM scratch AS a|SHELL [\"bash\", \"-c\"]|FROM a|CMD a", "")]
    [InlineData("FROM scratch|MAINTAINER me", "MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 2)")]
    [InlineData("FROM scratch|LABEL org.opencontainers.image.authors=me", "")]
    [InlineData("ARG VERSION=1|FROM alpine:${VERSON}", "UndefinedArgInFrom: FROM argument 'VERSON' is not declared (did you mean VERSION?) (line 2)")]
    [InlineData("FROM alpine:${OTHER}x", "UndefinedArgInFrom: FROM argument 'OTHER' is not declared (line 1)")]
    [InlineData("FROM --platform=$BUILDPLATFROM alpine", "UndefinedArgInFrom: FROM argument 'BUILDPLATFROM' is not declared (did you mean BUILDPLATFORM?) (line 1)")]
    [InlineData("ARG VERSION=1|FROM --platform=$BUILDPLATFORM alpine:${VERSION}", "")]
    [InlineData("FROM alpine:${OTHER:-3}", "")]
    [InlineData("FROM scratch|WORKDIR app/", "WorkdirRelativePath: Relative workdir \"app/\" can have unexpected results if the base image changes (line 2)")]
    [InlineData("FROM scratch|WORKDIR /|WORKDIR app", "")]
    [InlineData("FROM scratch AS a|WORKDIR /x|FROM a|WORKDIR app", "")]
    [InlineData("FROM scratch|COPY $foo .", "UndefinedVar: Usage of undefined variable '$foo' (line 2)")]
    [InlineData("FROM scratch|ENV PATH=$PAHT:/app/bin", "UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?) (line 2)")]
    [InlineData("FROM scratch|ENV PATH=$PATH:/app/bin", "")]
    [InlineData("FROM scratch|RUN --mount=type=cache,target=/$dir x", "UndefinedVar: Usage of undefined variable '$dir' (line 2)")]
    [InlineData("FROM scratch|ARG foo|COPY $foo .", "")]
    [InlineData("FROM scratch|COPY ${foo:-x} .", "")]
    [InlineData("FROM scratch|RUN echo $foo", "")]
    [InlineData("FROM scratch AS a|ENV foo=1|FROM a|COPY $foo .", "")]
    [InlineData("FROM scratch AS a|ARG foo=1|FROM a|COPY $foo .", "UndefinedVar: Usage of undefined variable '$foo' (line 4)")]
    [InlineData("FROM unknown|COPY $foo .", "")]
    [InlineData("FROM scratch|COPY <<E /|$foo|E", "UndefinedVar: Usage of undefined variable '$foo' (line 2)")]
    [InlineData("FROM scratch|CMD [\"a\"]|CMD [\"b\"]", "MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used (line 2)")]
    [InlineData("FROM scratch|HEALTHCHECK CMD a|HEALTHCHECK NONE", "MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used (line 2)")]
    [InlineData("FROM scratch AS a|CMD [\"a\"]|FROM a|CMD [\"b\"]", "")]
    [InlineData("FROM scratch|ENV foo value", "LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key value\" format (line 2)")]
    [InlineData("FROM scratch|LABEL key value", "LegacyKeyValueFormat: \"LABEL key=value\" should be used instead of legacy \"LABEL key value\" format (line 2)")]
    [InlineData("FROM scratch|ENV foo=value", "")]
    [InlineData("FROM --platform=$TARGETPLATFORM alpine", "RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior (line 1)")]
    [InlineData("FROM --platform=${TARGETPLATFORM} alpine", "RedundantTargetPlatform: Setting platform to predefined ${TARGETPLATFORM} in FROM is redundant as this is the default behavior (line 1)")]
    [InlineData("FROM --platform=$BUILDPLATFORM alpine", "")]
    [InlineData("FROM scratch|ARG AWS_SECRET_ACCESS", "SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG \"AWS_SECRET_ACCESS\") (line 2)")]
    [InlineData("FROM scratch|ENV api_Token=x", "SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV \"api_Token\") (line 2)")]
    [InlineData("ARG PASSWORD|FROM scratch", "SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG \"PASSWORD\") (line 1)")]
    [InlineData("FROM scratch|ENV PUBLIC_KEY=x|ENV MONKEY=y|ARG TOKENIZER=x", "")]
    [InlineData("ARG TAG|FROM busybox:${TAG}", "InvalidDefaultArgInFrom: Default value for ARG busybox:${TAG} results in empty or invalid base image name (line 2)")]
    [InlineData("ARG IMAGE|FROM $IMAGE", "InvalidDefaultArgInFrom: Default value for ARG $IMAGE results in empty or invalid base image name (line 2)")]
    [InlineData("ARG TAG=latest|FROM busybox:${TAG}", "")]
    [InlineData("ARG VARIANT|FROM busybox:stable${VARIANT}", "")]
    [InlineData("ARG TAG|FROM alpine:${TAG:-3.14}", "")]
    [InlineData("FROM --platform=linux/amd64 alpine AS base", "FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value \"linux/amd64\" (line 1)")]
    [InlineData("FROM --platform=linux/amd64 alpine AS build_amd64", "")]
    [InlineData("FROM scratch|EXPOSE 80/TcP", "ExposeProtoCasing: Defined protocol '80/TcP' in EXPOSE instruction should be lowercase (line 2)")]
    [InlineData("FROM scratch|EXPOSE 80/tcp 81", "")]
    [InlineData("FROM scratch|EXPOSE 127.0.0.1:80:80", "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80' (line 2)")]
    [InlineData("FROM scratch|EXPOSE 80:80", "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '80:80' (line 2)")]
    public void Lint_OneRule_FindsWhatBreaksIt(string text, string expected) => Assert.Equal(expected, Found(text));

    [Theory]
    [InlineData("tmp", "COPY ./tmp/Dockerfile /", "CopyIgnoredFile: Attempting to Copy file \"./tmp/Dockerfile\" that is excluded by .dockerignore (line 2)")]
    [InlineData("tmp", "ADD tmp /", "CopyIgnoredFile: Attempting to Add file \"tmp\" that is excluded by .dockerignore (line 2)")]
    [InlineData("tmp", "COPY other /", "")]
    [InlineData("*", "COPY . /", "")]
    [InlineData("*", "ADD https://example.com/x /", "")]
    [InlineData("*", "COPY --from=x /y /", "")]
    [InlineData("*|!src/main.c", "COPY src /", "")]
    public void Lint_CopyIgnoredFile_AsksTheIgnoreFile(string patterns, string instruction, string expected) =>
        Assert.Equal(expected, Found("FROM scratch|" + instruction, input => input with { Ignored = PatternList.Of(patterns.Split('|')) }));

    [Theory]
    [InlineData("# a non-descriptive comment|FROM scratch AS base", "InvalidDefinitionDescription: Comment for FROM should follow the format: `# base <description>` (line 2)")]
    [InlineData("FROM scratch|# another comment|ARG VERSION=1", "InvalidDefinitionDescription: Comment for ARG should follow the format: `# VERSION <description>` (line 3)")]
    [InlineData("# about|ARG A B|FROM scratch", "InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>` (line 2)")]
    [InlineData("# base is a stage|FROM scratch AS base|# VERSION is one|ARG VERSION=1", "")]
    [InlineData("# apart||FROM scratch AS base", "")]
    [InlineData("# any|FROM scratch", "")]
    [InlineData("# check=skip=UndefinedVar|FROM scratch AS base", "")]
    public void Lint_InvalidDefinitionDescription_RunsWhenAskedFor(string text, string expected)
    {
        Assert.Equal("", Found(text));
        Assert.Equal(expected, Found(text, input => input with { Options = LintOptions.Parse("experimental=all") }));
        Assert.Equal(expected, Found(text, input => input with { Options = LintOptions.Parse("experimental=InvalidDefinitionDescription") }));
    }

    [Theory]
    [InlineData("arm64", null, "InvalidBaseImagePlatform: Base image base:1 was pulled with platform \"linux/arm64\", expected \"linux/amd64\" for current build (line 1)")]
    [InlineData("amd64", null, "")]
    [InlineData("arm64", "v8", "InvalidBaseImagePlatform: Base image base:1 was pulled with platform \"linux/arm64\", expected \"linux/amd64\" for current build (line 1)")]
    [InlineData("x86_64", null, "")]
    public void Lint_InvalidBaseImagePlatform_ComparesWithTheConfig(string architecture, string? variant, string expected) =>
        Assert.Equal(expected, Found("FROM base:1", input => WithBase(input, architecture, variant)));

    [Fact]
    public void Lint_BaseImageKnown_ItsVariablesAreDefined() => Assert.Equal(
        "UndefinedVar: Usage of undefined variable '$foo' (line 2)",
        Found("FROM base:1|COPY $FROM_BASE $foo /", input => WithBase(input, "amd64", null)));

    [Theory]
    [InlineData("# check=skip=JSONArgsRecommended,MaintainerDeprecated|FROM scratch|CMD a|MAINTAINER b", "")]
    [InlineData("# check=skip=all|FROM scratch|CMD a|MAINTAINER b", "")]
    [InlineData("# check=skip=Other|FROM scratch|MAINTAINER b", "MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 3)")]
    [InlineData("FROM scratch|# check=skip=JSONArgsRecommended|CMD a", "")]
    [InlineData("FROM scratch|# check=skip=JSONArgsRecommended||CMD a", "JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (line 4)")]
    public void Lint_CheckComments_Silence(string text, string expected) => Assert.Equal(expected, Found(text));

    [Fact]
    public void Lint_ErrorDirective_FailsWithTheRules()
    {
        LintResult result = Lint("# check=error=true;skip=UndefinedVar|FROM scratch|MAINTAINER a|CMD a", input => input);

        Assert.Equal("lint violation found for rules: MaintainerDeprecated, JSONArgsRecommended", result.Failure);
        Assert.Null(Lint("FROM scratch|CMD a", input => input).Failure);
    }

    [Fact]
    public void Lint_BuildArgument_ReplacesTheDirective()
    {
        LintResult result = Lint("# check=skip=all|FROM scratch|MAINTAINER a", input => input with
        {
            Arguments = new BuildArguments(new Dictionary<string, string> { ["BUILDKIT_DOCKERFILE_CHECK"] = "error=true" }, s_amd64, s_amd64),
        });

        Assert.Equal("lint violation found for rules: MaintainerDeprecated", result.Failure);
    }

    [Fact]
    public void Lint_SomeStages_LeavesOutTheOthers() => Assert.Equal(
        "MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 4)",
        Found("FROM scratch AS a|MAINTAINER a|FROM scratch AS b|MAINTAINER b", input => input with { Stages = [1] }));

    [Theory]
    [InlineData("skip", "invalid check option \"skip\"")]
    [InlineData("foo=1", "invalid check option \"foo=1\"")]
    [InlineData("error=perhaps", "failed to parse check option \"error=perhaps\": not a boolean")]
    public void LintOptions_Broken_SaysWhat(string text, string message) =>
        Assert.Equal(message, Assert.Throws<MicaException>(() => LintOptions.Parse(text)).Message);

    [Fact]
    public void Lint_BrokenDirective_FailsWithItsLine()
    {
        DockerfileException exception = Assert.Throws<DockerfileException>(() => Lint("# syntax=x|# check=skpi=all|FROM scratch", input => input));

        Assert.Equal("dockerfile parse error on line 2: invalid check option \"skpi=all\"", exception.Message);
    }

    [Fact]
    public void LintRules_All_HaveTheirPages()
    {
        Assert.Equal(22, LintRules.All.Length);
        Assert.Equal("https://docs.docker.com/go/dockerfile/rule/json-args-recommended/", LintRules.JSONArgsRecommended.Url);
        Assert.Equal("https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/", LintRules.SecretsUsedInArgOrEnv.Url);
        Assert.Equal("https://docs.docker.com/go/dockerfile/rule/from-platform-flag-const-disallowed/", LintRules.FromPlatformFlagConstDisallowed.Url);
        Assert.Null(LintRules.InvalidBaseImagePlatform.Url);
    }

    internal static LintResult Lint(string text, Func<LintInput, LintInput> with)
    {
        DockerfileDocument document = DockerfileDocument.Parse(text.Replace('|', '\n'));
        document.ThrowIfInvalid();
        return Linter.Lint(document, with(new LintInput(new BuildArguments(ImmutableDictionary<string, string>.Empty, s_amd64, s_amd64), s_amd64)));
    }

    private static string Found(string text) => Found(text, input => input);

    private static string Found(string text, Func<LintInput, LintInput> with) => string.Join('\n', Lint(text, with).Warnings);

    private static LintInput WithBase(LintInput input, string architecture, string? variant) => input with
    {
        BaseImages = ImmutableDictionary<int, BaseImage>.Empty.Add(0, new BaseImage("base:1", new ImageConfig
        {
            Os = "linux",
            Architecture = architecture,
            Variant = variant,
            RootFs = new RootFs { Type = "layers", DiffIds = [] },
            Config = new ContainerConfig { Env = ["FROM_BASE=1"] },
        })),
    };
}
