using System.Text;
using Mica.Build;
using Mica.Engine;
using Mica.Oci;
using Mica.Tests.Registry;

namespace Mica.Tests.Builds;

public sealed class BuildLockTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static ImageBuildOptions Options(EngineScratch scratch) => new() { Context = new DirectoryBuildContext(scratch.Context) };

    private static Task<BuildLock> LockAsync(EngineScratch scratch, BuildLock? before = null, bool all = false) =>
        scratch.Engine.Builds.LockAsync(Options(scratch), before ?? BuildLock.Empty, _ => all, Token);

    /// <summary>Another image under the name.</summary>
    private static async Task PushAsync(EngineScratch scratch, ImageReference name, string content)
    {
        scratch.File("Dockerfile", "FROM scratch\nCOPY content /content\n");
        scratch.File("content", content);
        await scratch.BuildAsync(Options(scratch) with { Names = [name], Outputs = [new ImageOutput(Push: true)] });
    }

    [Fact]
    public async Task Build_WithALock_TakesWhatIsLockedThoughTheTagMoved()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        await using EngineScratch publisher = await EngineScratch.OpenAsync(), scratch = await EngineScratch.OpenAsync();
        var name = ImageReference.Parse($"{registry.Host}/base:1");
        await PushAsync(publisher, name, "old");
        scratch.File("Dockerfile", $"ARG TAG=1\nFROM {registry.Host}/base:$TAG\n");
        BuildLock locked = await LockAsync(scratch);
        Assert.Equal([$"{name}"], locked.Images.Keys);

        await PushAsync(publisher, name, "new");
        Assert.Equal(locked.Images, (await LockAsync(scratch, locked)).Images);
        Assert.NotEqual(locked.Images[$"{name}"], (await LockAsync(scratch, locked, all: true)).Images[$"{name}"]);

        Assert.Equal(["content old"], await scratch.FilesAsync(Options(scratch) with { Lock = BuildLock.Parse(locked.ToJson()) }));
        Assert.Equal(["content new"], await scratch.FilesAsync(Options(scratch)));
    }

    [Fact]
    public async Task Build_OfWhatIsNotInTheLock_FailsBeforeAnythingIsExecuted()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("a", "a");
        scratch.File("Dockerfile", "FROM scratch\nCOPY a /\nCOPY --from=tools:2 /tool /\n");

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => scratch.BuildAsync(Options(scratch) with { Lock = BuildLock.Empty }));

        Assert.Equal((ErrorKind.NotFound, "docker.io/library/tools:2: not in mica.lock: run mica lock"), (failure.Kind, failure.Message));
        Assert.Empty(await scratch.Engine.Builds.Cache.ListAsync(Token));
    }

    [Fact]
    public void Sources_OfADockerfile_AreImagesAndAddressesOfAllStages()
    {
        var document = Mica.Dockerfile.DockerfileDocument.Parse("""
            ARG BASE=debian
            FROM $BASE AS one
            ARG VERSION=3
            ENV HOST=example.com
            ADD https://$HOST/tool-$VERSION.tar.gz /
            RUN --mount=from=busybox:1,target=/x true
            FROM one
            RUN --mount=type=cache,from=one,target=/y true
            COPY --from=0 /a /
            COPY --from=context /a /
            COPY --from=alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef /a /
            FROM scratch
            """u8.ToArray(), "Dockerfile");
        BuildSources sources = BuildSources.Of(document, document.Stages, new Mica.Dockerfile.BuildArguments(
            System.Collections.Immutable.ImmutableDictionary<string, string>.Empty, Platform.Current, Platform.Current, null), ["context"]);

        Assert.Equal(["docker.io/library/busybox:1", "docker.io/library/debian:latest"], sources.Images);
        Assert.Equal(["https://example.com/tool-3.tar.gz"], sources.Addresses);
    }

    [Fact]
    public void Lock_Written_IsALineForEachSourceAndReadAgain()
    {
        Digest digest = Digest.Of("x"u8);
        BuildLock written = BuildLock.Empty with { Images = BuildLock.Empty.Images.Add("docker.io/library/b:1", digest).Add("docker.io/library/a:1", digest) };

        string text = Encoding.UTF8.GetString(written.ToJson());

        Assert.Equal(
            $"{{\n  \"version\": 1,\n  \"images\": {{\n    \"docker.io/library/a:1\": \"{digest}\",\n    \"docker.io/library/b:1\": \"{digest}\"\n  }},\n  \"addresses\": {{}},\n  \"repositories\": {{}}\n}}\n", text);
        Assert.Equal(written.Images, BuildLock.Parse(written.ToJson()).Images);
    }

    [Theory]
    [InlineData("", "mica.lock: malformed in line 1: remove it and run mica lock")]
    [InlineData("{}", "mica.lock: malformed in line 1: remove it and run mica lock")]
    [InlineData("{\"version\": 1,\n \"image\": {}}", "mica.lock: malformed in line 2: remove it and run mica lock")]
    [InlineData("{\"version\": 1,\n \"images\": {\"a\": \"sha256:x\"}}", "mica.lock: malformed in line 2: remove it and run mica lock")]
    [InlineData("{\"version\": 2}", "mica.lock: version 2 is unknown: a newer mica wrote it")]
    public void Lock_ThatIsNone_IsRefused(string text, string message) =>
        Assert.Equal(message, Assert.Throws<MicaException>(() => BuildLock.Parse(Encoding.UTF8.GetBytes(text))).Message);
}
