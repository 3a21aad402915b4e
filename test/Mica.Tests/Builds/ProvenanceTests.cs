using System.Collections.Immutable;
using System.Text.Json;
using Mica.Build;
using Mica.Engine;
using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Builds;

public sealed class ProvenanceTests
{
    private const string Dockerfile = "ARG WHO=nobody\nFROM scratch AS unused\nCOPY secret /\nFROM scratch AS app\nCOPY Dockerfile /d\nLABEL a=b\n";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Build_WithProvenance_PutsAnAttestationBesideTheImage()
    {
        await using EngineScratch scratch = await OpenAsync();
        BuiltImage built = await scratch.BuildAsync(Options(scratch));

        var index = ImageIndex.Parse(await scratch.Engine.Store.ReadDocumentAsync(built.Root, Token), built.Root.MediaType);
        Assert.Equal(2, index.Manifests.Length);
        Descriptor image = index.Manifests[0], attestation = index.Manifests[1];
        Assert.Equal(("unknown", "unknown"), (attestation.Platform!.Os, attestation.Platform.Architecture));
        Assert.Equal("attestation-manifest", attestation.Annotations!["vnd.docker.reference.type"]);
        Assert.Equal(image.Digest.ToString(), attestation.Annotations["vnd.docker.reference.digest"]);
        var manifest = ImageManifest.Parse(await scratch.Engine.Store.ReadDocumentAsync(attestation, Token), attestation.MediaType);
        Descriptor layer = Assert.Single(manifest.Layers);
        Assert.Equal("application/vnd.in-toto+json", layer.MediaType);
        Assert.Equal("https://slsa.dev/provenance/v1", layer.Annotations!["in-toto.io/predicate-type"]);
        var config = ImageConfig.Parse(await scratch.Engine.Store.ReadDocumentAsync(manifest.Config, Token));
        Assert.Equal([layer.Digest], config.RootFs.DiffIds);

        JsonElement statement = Json(built.Platforms[0].Result.Provenance!.Statement);
        Assert.Equal(image.Digest.Hex, statement.GetProperty("subject")[0].GetProperty("digest").GetProperty("sha256").GetString());
        Assert.StartsWith("pkg:docker/app@1?platform=linux%2F", statement.GetProperty("subject")[0].GetProperty("name").GetString(), StringComparison.Ordinal);
        Assert.Equal("https://slsa.dev/provenance/v1", statement.GetProperty("predicateType").GetString());
    }

    [Fact]
    public async Task Statement_OfModeMax_HasArgumentsAndInstructionsButNoSecretsNorProxies()
    {
        await using EngineScratch scratch = await OpenAsync();
        string text = await StatementAsync(scratch, Options(scratch));

        JsonElement definition = JsonDocument.Parse(text).RootElement.GetProperty("predicate").GetProperty("buildDefinition");
        JsonElement arguments = definition.GetProperty("externalParameters").GetProperty("request").GetProperty("args");
        Assert.Equal("me", arguments.GetProperty("build-arg:WHO").GetString());
        Assert.Equal("app", arguments.GetProperty("target").GetString());
        string?[] steps = [.. definition.GetProperty("internalParameters").GetProperty("buildConfig").GetProperty("steps").EnumerateArray()
            .Select(step => step.GetProperty("instruction").GetString())];
        Assert.Equal(["FROM scratch AS app", "COPY Dockerfile /d", "LABEL a=b"], steps);
        Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
        Assert.DoesNotContain("proxy.example", text, StringComparison.Ordinal);
        Assert.DoesNotContain(scratch.Root, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Statement_OfModeMin_HasNeitherArgumentsNorDockerfile()
    {
        await using EngineScratch scratch = await OpenAsync();
        string text = await StatementAsync(scratch, Options(scratch) with { Provenance = new ProvenanceOptions { Mode = ProvenanceMode.Min } });

        Assert.DoesNotContain("build-arg", text, StringComparison.Ordinal);
        Assert.DoesNotContain("COPY", text, StringComparison.Ordinal);
        Assert.DoesNotContain("infos", text, StringComparison.Ordinal);
        Assert.Contains("\"label:l\":\"v\"", text, StringComparison.Ordinal);
        Assert.Contains("startedOn", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Statement_WithSourceDateEpoch_IsTheSameEveryTime()
    {
        await using EngineScratch scratch = await OpenAsync();
        ImageBuildOptions options = Options(scratch);
        options = options with { Arguments = options.Arguments.Add("SOURCE_DATE_EPOCH", "1700000000") };
        Assert.Equal((await scratch.BuildAsync(options)).Root.Digest, (await scratch.BuildAsync(options with { NoCache = true })).Root.Digest);
    }

    [Fact]
    public async Task Statement_OfABaseImage_NamesItWithItsDigest()
    {
        await using EngineScratch scratch = await OpenAsync();
        BuiltImage first = await scratch.BuildAsync(Options(scratch) with { Provenance = null });
        scratch.File("Dockerfile", "FROM app:1 AS app\nLABEL c=d\n");
        string text = await StatementAsync(scratch, Options(scratch));

        JsonElement dependency = JsonDocument.Parse(text).RootElement.GetProperty("predicate").GetProperty("buildDefinition").GetProperty("resolvedDependencies")[0];
        Assert.StartsWith("pkg:docker/app@1?platform=linux%2F", dependency.GetProperty("uri").GetString(), StringComparison.Ordinal);
        Assert.Equal(first.Platforms[0].Result.Manifest.Digest.Hex, dependency.GetProperty("digest").GetProperty("sha256").GetString());
    }

    [Theory]
    [InlineData("docker.io/library/debian:trixie", "pkg:docker/debian@trixie?platform=linux%2Farm64")]
    [InlineData("127.0.0.1:5050/a/b", "pkg:docker/127.0.0.1:5050/a/b@latest?platform=linux%2Farm64")]
    public void PackageUrl_OfAReference_IsAsBuildKitWritesIt(string reference, string expected) =>
        Assert.Equal(expected, BuildMaterial.PackageUrl(ImageReference.Parse(reference), Platform.Parse("linux/arm64")));

    [Fact]
    public async Task SaveAndLoad_OfAnAttestedImage_KeepTheAttestation()
    {
        await using EngineScratch scratch = await OpenAsync();
        BuiltImage built = await scratch.BuildAsync(Options(scratch));
        string archive = Path.Join(scratch.Root, "a.tar");
        await scratch.Engine.Images.SaveFileAsync(["app:1"], new SaveOptions(), archive, null, Token);

        await using EngineScratch other = await EngineScratch.OpenAsync();
        using (ImageArchive opened = await ImageArchive.OpenAsync(archive, other.Engine.Images.ArchiveOptions, Token))
        {
            await other.Engine.Images.LoadAsync(opened, null, null, Token);
        }

        StoredImage loaded = (await other.Engine.Store.FindAsync("app:1", Token))!;
        Assert.Equal(built.Root.Digest, loaded.Root.Digest);
        Assert.Equal(built.Id, loaded.Id);
        Assert.Equal([(true, false, true), (false, true, true)], loaded.Variants.Select(variant => (variant.IsPresent, variant.IsAttestation, variant.IsComplete)));
    }

    [Fact]
    public async Task Archive_WithLayersCompressedAnew_HasAnAttestationOfTheNewManifest()
    {
        await using EngineScratch scratch = await OpenAsync();
        string path = Path.Join(scratch.Root, "a.tar");
        await scratch.BuildAsync(Options(scratch) with { Outputs = [new ArchiveOutput(ImageArchiveForm.Oci, OutputPlace.Of(path), Mica.Layers.LayerCompression.Gzip)] });

        using ImageArchive archive = await ImageArchive.OpenAsync(path, scratch.Engine.Images.ArchiveOptions, Token);
        Descriptor root = (await archive.ListAsync(Token))[0].Descriptor;
        var index = ImageIndex.Parse(await archive.ReadDocumentAsync(root, Token), root.MediaType);
        Assert.Equal(index.Manifests[0].Digest.ToString(), index.Manifests[1].Annotations!["vnd.docker.reference.digest"]);
        var manifest = ImageManifest.Parse(await archive.ReadDocumentAsync(index.Manifests[1], Token), index.Manifests[1].MediaType);
        JsonElement statement = Json(await archive.ReadDocumentAsync(manifest.Layers[0], Token));
        Assert.Equal(index.Manifests[0].Digest.Hex, statement.GetProperty("subject")[0].GetProperty("digest").GetProperty("sha256").GetString());
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"subject\":[1,null,{\"digest\":3},{\"digest\":{\"sha256\":[]}}]}")]
    [InlineData("{\"subject\":[],\"subject\":[]}")]
    public void Retarget_WhatIsNoStatement_StaysAsItIs(string json) =>
        Assert.Null(Attestation.Retarget(System.Text.Encoding.UTF8.GetBytes(json), Digest.Of("a"u8), Digest.Of("b"u8)));

    [Fact]
    public async Task LocalOutput_OverALinkOfTheImage_WritesTheProvenanceInItsPlace()
    {
        await using EngineScratch scratch = await OpenAsync();
        string victim = scratch.File("victim", "untouched");
        scratch.File("files/other", "");
        File.CreateSymbolicLink(Path.Join(scratch.Context, "files/provenance.json"), victim);
        scratch.File("Dockerfile", "FROM scratch AS app\nCOPY files /\n");
        string directory = Path.Join(scratch.Root, "out");
        await scratch.BuildAsync(Options(scratch) with { Outputs = [new LocalOutput(directory)] });

        Assert.Equal("untouched", await File.ReadAllTextAsync(victim, Token));
        Assert.Contains("predicateType", await File.ReadAllTextAsync(Path.Join(directory, "provenance.json"), Token), StringComparison.Ordinal);
    }

    private static async Task<EngineScratch> OpenAsync()
    {
        EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("Dockerfile", Dockerfile);
        return scratch;
    }

    private static async Task<string> StatementAsync(EngineScratch scratch, ImageBuildOptions options) =>
        System.Text.Encoding.UTF8.GetString((await scratch.BuildAsync(options)).Platforms[0].Result.Provenance!.Statement.Span);

    private static JsonElement Json(ReadOnlyMemory<byte> json) => JsonDocument.Parse(json).RootElement;

    private static ImageBuildOptions Options(EngineScratch scratch) => new()
    {
        Context = new DirectoryBuildContext(scratch.Context),
        Names = [ImageReference.Parse("app:1")],
        Target = "app",
        Arguments = ImmutableDictionary<string, string>.Empty.Add("WHO", "me").Add("HTTPS_PROXY", "http://u:p@proxy.example"),
        Labels = ImmutableSortedDictionary<string, string>.Empty.Add("l", "v"),
        Secrets = ImmutableDictionary<string, BuildSecret>.Empty.Add("token", new BuildSecret(null, "hunter2"u8.ToArray())),
        Provenance = new ProvenanceOptions(),
    };
}
