using Mica.Oci;

namespace Mica.Tests.Build;

/// <summary>What is said of a <c>--from</c> that is no stage before its own.</summary>
public sealed class SourceNameTests
{
    [Theory]
    [InlineData("FROM scratch AS builder\nFROM scratch\nCOPY --from=bulder /x /x\n", "no such host; there is no stage \"bulder\" before this one (did you mean builder?)")]
    [InlineData("FROM scratch\nCOPY --from=late /x /x\nFROM scratch AS late\nCOPY a /\n", "no such host; there is no stage \"late\" before this one (line 3 begins it)", "0")]
    [InlineData("FROM scratch AS own\nCOPY --from=own /x /x\n", "no such host; there is no stage \"own\" before this one (line 1 begins it)")]
    [InlineData("FROM scratch\nCOPY --from=elsewhere /x /x\n", "elsewhere: cannot reach docker.io: no such host")]
    public async Task From_NoStageAndRegistryOutOfReach_NamesTheImageAndTheStage(string dockerfile, string expected, string? target = null)
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.Missing = new MicaException(ErrorKind.Failed, "cannot reach docker.io: no such host");

        MicaException failure = await Assert.ThrowsAnyAsync<MicaException>(
            () => scratch.BuildAsync(dockerfile, change: options => options with { Target = target }));

        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("FROM scratch\nCOPY --from=7 /x /x\n", "invalid stage index 7: there is no stage before this one")]
    [InlineData("FROM scratch\nFROM scratch\nCOPY --from=1 /x /x\n", "invalid stage index 1: only stage 0 is before this one")]
    [InlineData("FROM scratch\nFROM scratch\nFROM scratch\nCOPY --from=2 /x /x\n", "invalid stage index 2: stages before this one have the numbers 0 to 1")]
    public async Task From_NumberOfNoStageBefore_TellsWhichThereAre(string dockerfile, string expected)
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();

        MicaException failure = await Assert.ThrowsAnyAsync<MicaException>(() => scratch.BuildAsync(dockerfile));

        Assert.EndsWith(expected, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task From_NoSuchImage_IsNamedOnce()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();

        MicaException failure = await Assert.ThrowsAnyAsync<MicaException>(() => scratch.BuildAsync("FROM scratch\nCOPY --from=elsewhere /x /x\n"));

        Assert.Equal("elsewhere: not found", failure.Message);
    }
}
