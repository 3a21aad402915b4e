using System.Collections.Immutable;
using System.Text.Json;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Dockerfile;

public sealed class CallReportTests
{
    private static readonly Platform s_amd64 = new() { Os = "linux", Architecture = "amd64" };

    private static readonly DockerfileDocument s_document = DockerfileDocument.Parse("""
        # VERSION of the compiler
        ARG VERSION=1.20
        ARG UNUSED=1
        # build compiles it
        FROM golang:${VERSION} AS build
        ARG VERSION
        # DEBUG adds symbols
        ARG DEBUG
        RUN --mount=type=secret,id=token,required --mount=type=cache,target=/c --mount=type=ssh make
        FROM scratch AS other
        ARG OTHER
        # release is the program alone
        FROM --platform=$BUILDPLATFORM scratch AS release
        COPY --from=build /a /
        """);

    [Fact]
    public void Targets_OfADocument_AreListedAsDockerDoes()
    {
        TargetsReport report = TargetsReport.Of(s_document);

        Assert.Equal("TARGET              DESCRIPTION\nbuild               compiles it\nother\nrelease (default)   is the program alone\n", report.ToText());
        using JsonDocument json = JsonDocument.Parse(report.ToJson());
        JsonElement target = json.RootElement.GetProperty("targets")[2];
        Assert.Equal("release", target.GetProperty("name").GetString());
        Assert.True(target.GetProperty("default").GetBoolean());
        Assert.Equal("$BUILDPLATFORM", target.GetProperty("platform").GetString());
        Assert.Equal(13, target.GetProperty("location").GetProperty("ranges")[0].GetProperty("start").GetProperty("line").GetInt32());
        Assert.False(json.RootElement.GetProperty("targets")[1].TryGetProperty("default", out _));
    }

    [Fact]
    public void Outline_OfATarget_HasWhatItAndItsStagesTake()
    {
        OutlineReport report = Outline.Of(s_document, s_document.FindStage("release")!, Arguments("DEBUG"));

        Assert.Equal("""
            TARGET:       release
            DESCRIPTION:  is the program alone

            BUILD ARG   VALUE   DESCRIPTION
            VERSION     1.20    of the compiler
            DEBUG       yes     adds symbols

            SECRET   REQUIRED
            token    true

            SSH       REQUIRED
            default


            """.Replace("\r", "", StringComparison.Ordinal), report.ToText());
        using JsonDocument json = JsonDocument.Parse(report.ToJson());
        Assert.Equal(["VERSION", "DEBUG"], json.RootElement.GetProperty("args").EnumerateArray().Select(one => one.GetProperty("name").GetString()));
        Assert.Equal("/c", json.RootElement.GetProperty("cache")[0].GetProperty("ID").GetString());
        Assert.True(json.RootElement.GetProperty("secrets")[0].GetProperty("required").GetBoolean());
    }

    [Fact]
    public void Outline_OfAStageThatNeedsNoOther_HasOnlyItsOwn() =>
        Assert.Equal(["OTHER"], Outline.Of(s_document, s_document.FindStage("other")!, Arguments()).Arguments.Select(one => one.Name));

    [Fact]
    public void Check_Warnings_AreWrittenWithTheirLines()
    {
        DockerfileDocument document = DockerfileDocument.Parse("# check=error=true\nFROM scratch\nCMD a\n");

        var report = new CheckReport(document.Source, Linter.Lint(document, new LintInput(Arguments(), s_amd64)));

        Assert.Equal("""

            WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/
            JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
            Dockerfile:3
            --------------------
               1 |     # check=error=true
               2 |     FROM scratch
               3 | >>> CMD a
            --------------------

            """, report.ToText());
        using JsonDocument json = JsonDocument.Parse(report.ToJson());
        JsonElement warning = json.RootElement.GetProperty("warnings")[0];
        Assert.Equal("JSONArgsRecommended", warning.GetProperty("ruleName").GetString());
        Assert.Equal(LintRules.JSONArgsRecommended.Description, warning.GetProperty("description").GetString());
        Assert.Equal("lint violation found for rules: JSONArgsRecommended", json.RootElement.GetProperty("buildError").GetProperty("message").GetString());
        Assert.Equal("Dockerfile", json.RootElement.GetProperty("sources")[0].GetProperty("filename").GetString());
    }

    private static BuildArguments Arguments(params string[] names) =>
        new(names.ToImmutableDictionary(name => name, _ => "yes"), s_amd64, s_amd64);
}
