using Mica.Build;
using Mica.Oci;

namespace Mica.Tests.Build;

public sealed class CopyTests
{
    [Fact]
    public async Task Copy_FilesAndDirectories_LandAsDockerPutsThem()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("a.txt", "a");
        scratch.File("b.md", "b");
        scratch.File("dir/c.txt", "c");
        scratch.File("dir/sub/d.txt", "d");
        Image image = await scratch.BuildAsync("""
            FROM scratch
            COPY a.txt /one
            COPY a.txt b.md /two/
            COPY dir /three
            COPY *.md /four/
            WORKDIR /work
            COPY dir/c.txt .
            COPY a.txt nested/deep/name
            COPY --chmod=640 --chown=12:34 a.txt /owned
            COPY --chmod=u=rwX,go=rX dir /modes
            COPY --exclude=*.txt --exclude=sub dir /none
            COPY --parents dir/./sub/d.txt /parents
            COPY <<EOF /inline
            text $PATH
            EOF
            """);
        string[] tree = await scratch.TreeAsync(image);
        Assert.Equal(
            [
                "four 755 0:0 directory", "four/b.md 644 0:0 \"b\"", "inline 644 0:0 \"text /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|\"",
                "modes 755 0:0 directory", "modes/c.txt 644 0:0 \"c\"", "modes/sub 755 0:0 directory", "modes/sub/d.txt 644 0:0 \"d\"",
                "none 755 0:0 directory", "one 644 0:0 \"a\"", "owned 640 12:34 \"a\"", "parents 755 0:0 directory", "parents/sub 755 0:0 directory",
                "parents/sub/d.txt 644 0:0 \"d\"", "three 755 0:0 directory", "three/c.txt 644 0:0 \"c\"", "three/sub 755 0:0 directory",
                "three/sub/d.txt 644 0:0 \"d\"", "two 755 0:0 directory", "two/a.txt 644 0:0 \"a\"", "two/b.md 644 0:0 \"b\"", "work 755 0:0 directory",
                "work/c.txt 644 0:0 \"c\"", "work/nested 755 0:0 directory", "work/nested/deep 755 0:0 directory", "work/nested/deep/name 644 0:0 \"a\"",
            ], tree);
    }

    [Fact]
    public async Task Copy_Unchanged_IsCachedWhateverTheTimes()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("a.txt", "a");
        scratch.File("b.txt", "b");
        const string Dockerfile = "FROM scratch\nCOPY a.txt /\nCOPY b.txt /\n";
        Image first = await scratch.BuildAsync(Dockerfile);
        Assert.Equal((2, 0), scratch.Counts);

        File.SetLastWriteTimeUtc(Path.Join(scratch.Context, "a.txt"), DateTime.UnixEpoch);
        Image second = await scratch.BuildAsync(Dockerfile);
        Assert.Equal((0, 2), scratch.Counts);
        Assert.Equal(first.Id, second.Id);
        Assert.Equal(first.ManifestDescriptor.Digest, second.ManifestDescriptor.Digest);

        scratch.File("b.txt", "changed");
        await scratch.BuildAsync(Dockerfile);
        Assert.Equal((1, 1), scratch.Counts);
        Assert.Matches("^content of b.txt changed, [0-9a-f]{12}", Assert.Single(scratch.Reasons));
    }

    [Fact]
    public async Task Copy_FromStage_TakesOnlyWhatIsNeeded()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("a", "a");
        Image image = await scratch.BuildAsync("""
            FROM scratch AS unused
            COPY missing /
            FROM scratch AS base
            COPY --chown=5:6 a /dir/a
            FROM scratch
            COPY --from=base /dir /copied
            COPY --from=1 /dir/a /alone
            """);
        Assert.Equal(["alone 644 5:6 \"a\"", "copied 755 5:6 directory", "copied/a 644 5:6 \"a\""], await scratch.TreeAsync(image));
    }

    [Fact]
    public async Task Copy_FromStageWithOtherLayersButTheSameFile_IsCached()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("a", "a");
        scratch.File("b", "b");
        const string Dockerfile = "FROM scratch AS base\nCOPY b /b\nCOPY a /a\nFROM scratch\nCOPY --from=base /a /\n";
        await scratch.BuildAsync(Dockerfile);
        scratch.File("b", "changed");
        await scratch.BuildAsync(Dockerfile);
        Assert.Equal((2, 1), scratch.Counts);

        // From here on the layers of the stage are enough to know the step's result.
        await scratch.BuildAsync(Dockerfile);
        Assert.Equal((0, 3), scratch.Counts);
        await scratch.Store.Builds.RemoveAsync(
            [.. (await scratch.Store.Builds.ListAsync(TestContext.Current.CancellationToken)).Select(record => record.Key)], TestContext.Current.CancellationToken);
        await scratch.BuildAsync(Dockerfile);
        Assert.Equal((3, 0), scratch.Counts);
    }

    [Fact]
    public async Task Copy_OfFileThatChangesMeanwhile_FailsAndLeavesNoRecord()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("a", "a");
        await using FileStream writer = File.Open(Path.Join(scratch.Context, "a"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        scratch.Happened = happened =>
        {
            if (happened is StepExplained)
            {
                writer.SetLength(500);
                writer.Flush();
            }
        };
        StepFailedException failure = await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync("FROM scratch\nCOPY a /\n"));
        Assert.Contains("changed while it was read from the build context; run the build again", failure.Message, StringComparison.Ordinal);
        scratch.Happened = null;
        Assert.Empty(await scratch.Store.Builds.ListAsync(TestContext.Current.CancellationToken));
        await scratch.BuildAsync("FROM scratch\nCOPY a /\n");
    }

    [Fact]
    public async Task Copy_IgnoredOrOutside_IsNotFound()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("secret", "s");
        File.CreateSymbolicLink(Path.Join(scratch.Context, "out"), "/etc/passwd");
        StepFailedException ignored = await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync(
            "FROM scratch\nCOPY secret /\n", change: options => options with { Ignored = Mica.Dockerfile.PatternList.Of(["secret"]) }));
        Assert.Equal("\"/secret\": not found in the build context", ignored.Message);
        StepFailedException outside = await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync("FROM scratch\nCOPY out /\n"));
        Assert.Contains("not found in the build context", outside.Message, StringComparison.Ordinal);
        StepFailedException above = await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync("FROM scratch\nCOPY ../../etc/passwd /\n"));
        Assert.Equal("\"/etc/passwd\": not found in the build context", above.Message);
    }

    [Theory]
    [InlineData("http://user:s3cr3t@127.0.0.1:1/file?token=s3cr3t")]
    [InlineData("https://user:s3cr3t@127.0.0.1:1/repository.git")]
    public async Task Add_AddressWithPassword_IsShownWithout(string address)
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        StepFailedException failure = await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync($"FROM scratch\nADD {address} /\n"));
        Assert.Contains("127.0.0.1:1", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Records_AreListedWhileAnotherWrites()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("a", "a");
        await scratch.BuildAsync("FROM scratch\nCOPY a /\n");
        await using Mica.Store.ImageStore other = await Mica.Store.ImageStore.OpenAsync(
            new Mica.Store.StoreOptions { Root = scratch.Store.Root }, TestContext.Current.CancellationToken);

        bool listed = await other.WriteAsync(
            _ => scratch.Store.Builds.ListAsync(TestContext.Current.CancellationToken).IsCompletedSuccessfully, TestContext.Current.CancellationToken);

        Assert.True(listed);
    }

    [Fact]
    public async Task Config_Instructions_AreInTheImage()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        Image image = await scratch.BuildAsync("""
            ARG BASE=scratch
            FROM $BASE
            ARG VERSION=1.2
            ENV A=1 B="x y" C=$VERSION
            LABEL org.example.a=b
            EXPOSE 80 53/udp
            VOLUME /data
            USER 1000:1000
            WORKDIR /srv
            WORKDIR app
            STOPSIGNAL SIGINT
            ENTRYPOINT ["/bin/app"]
            CMD ["--help"]
            HEALTHCHECK --interval=5s CMD true
            ONBUILD RUN echo $A
            """);
        ContainerConfig config = image.Config.Config!;
        Assert.Equal(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1", "B=x y", "C=1.2"], config.Env!.Value);
        Assert.Equal(["53/udp", "80/tcp"], config.ExposedPorts!.Keys);
        Assert.Equal(("1000:1000", "/srv/app", "SIGINT"), (config.User, config.WorkingDir, config.StopSignal));
        Assert.Equal(["/bin/app"], config.Entrypoint!.Value);
        Assert.Equal(["--help"], config.Cmd!.Value);
        Assert.Equal(["CMD-SHELL", "true"], config.Healthcheck!.Test!.Value);
        Assert.Equal(5_000_000_000, config.Healthcheck.Interval);
        Assert.Equal(["RUN echo $A"], config.OnBuild!.Value);
        Assert.Equal("CMD [\"--help\"]", image.Config.History[^3].CreatedBy);
        Assert.Equal(2, image.Config.RootFs.DiffIds.Length);
    }
}
