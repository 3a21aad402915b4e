using Mica.Dockerfile;

namespace Mica.Tests.Dockerfile;

public sealed class OnBuildTriggerTests
{
    [Fact]
    public void Parse_WhatOnBuildKeeps_IsTheSameInstruction()
    {
        DockerfileDocument document = DockerfileDocument.Parse("FROM scratch\nONBUILD COPY --chmod=644 <<a <<'b' /d/\n1\na\n2\nb\n");
        var trigger = Assert.IsType<OnBuildInstruction>(document.Stages[0].Instructions[0]);

        var copy = Assert.IsType<CopyInstruction>(OnBuildTrigger.Parse(trigger.Trigger));

        Assert.Equal(((CopyInstruction)trigger.Inner).Transfer.Sources, copy.Transfer.Sources);
        Assert.Equal("644", copy.Transfer.Mode);
    }

    [Theory]
    [InlineData("", "file with no instructions")]
    [InlineData("RUN a\nRUN b", "the image's ONBUILD trigger is not one instruction")]
    [InlineData("FROM x", "FROM isn't allowed as an ONBUILD trigger")]
    [InlineData("ONBUILD RUN x", "ONBUILD isn't allowed as an ONBUILD trigger")]
    [InlineData("RUNN x", "unknown instruction: RUNN (did you mean RUN?)")]
    public void Parse_NotATrigger_SaysWhy(string trigger, string message) =>
        Assert.Equal("dockerfile parse error on line 1: " + message, Assert.Throws<DockerfileException>(() => OnBuildTrigger.Parse(trigger)).Message);
}
