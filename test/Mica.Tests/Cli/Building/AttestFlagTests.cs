using Mica.Build;
using Mica.Cli.Building;
using Mica.Oci;

namespace Mica.Tests.Cli.Building;

public sealed class AttestFlagTests
{
    [Theory]
    [InlineData(null, null, null)]
    [InlineData(null, "false", null)]
    [InlineData(null, "true", ProvenanceMode.Max)]
    [InlineData(null, "mode=min", ProvenanceMode.Min)]
    [InlineData("type=provenance", null, ProvenanceMode.Max)]
    [InlineData("type=provenance,mode=min", null, ProvenanceMode.Min)]
    [InlineData("type=provenance,mode=min", "true", ProvenanceMode.Min)]
    [InlineData("type=provenance,mode=min", "false", null)]
    [InlineData("type=provenance,disabled=true", null, null)]
    [InlineData("type=sbom,disabled=true", null, null)]
    public void Parse_WhatIsAskedFor_IsTheMode(string? attest, string? provenance, ProvenanceMode? expected) =>
        Assert.Equal(expected, AttestFlag.Parse(attest is null ? [] : [attest], provenance, null)?.Mode);

    [Theory]
    [InlineData("mode=min")]
    [InlineData("type=other")]
    [InlineData("type=provenance,mode=some")]
    [InlineData("type=provenance,version=v0.2")]
    [InlineData("type=provenance,filename=../x")]
    [InlineData("type=provenance,colour=red")]
    public void Parse_WhatCannotBe_IsRefused(string attest) =>
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<MicaException>(() => AttestFlag.Parse([attest], null, null)).Kind);

    [Theory]
    [InlineData("type=sbom", null)]
    [InlineData("type=sbom,generator=x", null)]
    [InlineData(null, "true")]
    public void Parse_Sbom_IsNotSupported(string? attest, string? sbom) => Assert.Equal(
        ErrorKind.Unsupported, Assert.Throws<MicaException>(() => AttestFlag.Parse(attest is null ? [] : [attest], null, sbom)).Kind);
}
