using Mica.Build;
using Mica.Oci;

namespace Mica.Tests.Build;

public sealed class RunTests
{
    private const string Busybox = "/bin/busybox";

    private static void NeedContainers()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: to run containers");
        Assert.SkipUnless(File.Exists("/usr/bin/crun") || File.Exists("/usr/sbin/runc"), "needs crun or runc");
        Assert.SkipUnless(File.Exists(Busybox), "needs Debian's busybox-static");
    }

    private static async Task<BuildScratch> OpenAsync()
    {
        NeedContainers();
        BuildScratch scratch = await BuildScratch.OpenAsync();
        Directory.CreateDirectory(Path.Join(scratch.Context, "bin"));
        File.Copy(Busybox, Path.Join(scratch.Context, "bin/busybox"));
        File.CreateSymbolicLink(Path.Join(scratch.Context, "bin/sh"), "busybox");
        scratch.File("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1001::/home/user:/bin/sh\n");
        scratch.File("etc/group", "root:x:0:\nuser:x:1001:\nextra:x:2000:user\n");
        await scratch.BuildAsync("FROM scratch\nCOPY bin /bin\nCOPY etc /etc\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n", "base");
        return scratch;
    }

    [Fact]
    public async Task Run_ShellExecAndHeredoc_LeaveLayers()
    {
        await using BuildScratch scratch = await OpenAsync();
        Image image = await scratch.BuildAsync("""
            FROM base
            ARG NAME=world
            ENV GREETING=hello
            WORKDIR /out
            RUN echo "$GREETING $NAME" > one
            RUN ["/bin/sh", "-c", "echo two > two"]
            RUN <<EOF
            echo a > three
            echo b >> three
            EOF
            RUN rm one && mkdir sub && echo x > sub/four && chmod 700 sub
            RUN true
            USER user
            RUN id > /tmp/id || { id > /dev/null; }
            """);
        Assert.Equal(
            ["out/sub 700 0:0 directory", "out/sub/four 644 0:0 \"x|\"", "out/three 644 0:0 \"a|b|\"", "out/two 644 0:0 \"two|\""],
            (await scratch.TreeAsync(image)).Where(line => line.StartsWith("out/", StringComparison.Ordinal)));
        Assert.True(image.Config.History.Single(entry => entry.CreatedBy == "RUN |1 NAME=world /bin/sh -c true # buildkit").EmptyLayer);
        Assert.Equal((0, 0), (await Again(scratch), 0));

        static async Task<int> Again(BuildScratch scratch)
        {
            await scratch.BuildAsync("FROM base\nARG NAME=world\nENV GREETING=hello\nWORKDIR /out\nRUN echo \"$GREETING $NAME\" > one\n");
            return scratch.Counts.Executed;
        }
    }

    [Fact]
    public async Task Run_Failing_TellsLinesOutputAndCode()
    {
        await using BuildScratch scratch = await OpenAsync();
        StepFailedException failure = await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync(
            "FROM base\nRUN echo before; echo oops >&2; exit 3\n"));
        Assert.Equal((3, "before\noops"), (failure.ExitCode, failure.Output));
        Assert.Equal("process \"/bin/sh -c echo before; echo oops >&2; exit 3\" did not complete successfully: exit code: 3", failure.Message);
        Assert.Contains("2 | >>> RUN echo before", failure.Excerpt, StringComparison.Ordinal);
        Assert.Equal("[2/2] RUN echo before; echo oops >&2; exit 3", failure.StepName);
    }

    [Fact]
    public async Task Run_CacheFromAStage_BeginsWithItsFilesAndKeepsWhatIsWritten()
    {
        await using BuildScratch scratch = await OpenAsync();
        const string Dockerfile = """
            FROM base AS seed
            RUN mkdir -p /seed/sub && echo one > /seed/sub/file && ln -s sub/file /seed/link && chown -R 5:6 /seed && chmod 750 /seed
            FROM base
            RUN --mount=type=cache,target=/c,from=seed,source=/seed stat -c '%a %u:%g' /c > /a; cat /c/link >> /a; echo two > /c/sub/file; echo {0} > /dev/null
            RUN --mount=type=cache,target=/c,from=seed,source=/seed cat /c/sub/file > /b; echo {0} > /dev/null
            RUN --mount=type=cache,target=/c ls -A /c > /c2
            """;
        string[] tree = await scratch.TreeAsync(await scratch.BuildAsync(Dockerfile.Replace("{0}", "x", StringComparison.Ordinal)));
        Assert.Contains("a 644 0:0 \"750 5:6|one|\"", tree);
        Assert.Contains("b 644 0:0 \"two|\"", tree);
        Assert.Contains("c2 644 0:0 \"\"", tree);
        tree = await scratch.TreeAsync(await scratch.BuildAsync(Dockerfile.Replace("{0}", "y", StringComparison.Ordinal)));
        Assert.Contains("a 644 0:0 \"750 5:6|two|\"", tree);
    }

    [Fact]
    public async Task Run_CacheFromAFile_IsRefused()
    {
        await using BuildScratch scratch = await OpenAsync();
        StepFailedException failure = await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync(
            "FROM base AS seed\nFROM base\nRUN --mount=type=cache,target=/c,from=seed,source=/etc/group true\n"));
        Assert.Contains("a cache cannot begin with what is no directory", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_HostGateway_IsTheMachineWhereThereIsANetwork()
    {
        await using BuildScratch scratch = await OpenAsync();
        Image image = await scratch.BuildAsync(
            "FROM base\nRUN --network=host grep machine /etc/hosts > /host\nRUN --network=none grep -c machine /etc/hosts > /none || true\n",
            change: options => options with { AllowHostNetwork = true, ExtraHosts = [("machine", "host-gateway")] });
        string[] tree = await scratch.TreeAsync(image);
        Assert.Contains("host 644 0:0 \"127.0.0.1\tmachine|\"", tree);
        Assert.Contains("none 644 0:0 \"0|\"", tree);
    }

    [Fact]
    public async Task Run_Failing_IsToldWhenOtherStepsHaveEndedAndItsFilesAreThere()
    {
        await using BuildScratch scratch = await OpenAsync();
        List<(string? Program, bool OthersEnded)> told = [];
        await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync(
            "FROM base AS slow\nRUN sleep 30\nFROM base\nSHELL [\"/bin/ash\", \"-c\"]\nRUN exit 3\nCOPY --from=slow / /\n",
            change: options => options with
            {
                OnFailure = (failure, _) =>
                {
                    told.Add((failure.Shell?.Program, scratch.Events.OfType<StepStarted>().Count() ==
                        scratch.Events.Count(happened => happened is StepCompleted or StepFailed)));
                    return Task.CompletedTask;
                },
            }));
        Assert.Equal([("/bin/ash", true)], told);
    }

    [Fact]
    public async Task Run_Mounts_AreSeenAndLeaveNothing()
    {
        await using BuildScratch scratch = await OpenAsync();
        scratch.File("src/file", "content");
        Image image = await scratch.BuildAsync("""
            FROM base AS other
            RUN mkdir /data && echo stage > /data/file
            FROM base
            RUN --mount=type=bind,source=src,target=/src --mount=type=bind,from=other,source=/data,target=/other,rw \
                cat /src/file /other/file > /seen && echo dropped > /other/new
            RUN --mount=type=cache,target=/cache echo $(cat /cache/n 2>/dev/null)x > /cache/n; cat /cache/n > /first
            RUN --mount=type=cache,target=/cache echo $(cat /cache/n 2>/dev/null)x > /cache/n; cat /cache/n > /second
            RUN --mount=type=tmpfs,target=/scratch echo gone > /scratch/x
            RUN --mount=type=secret,id=token,env=TOKEN --mount=type=secret,id=token \
                test "$TOKEN" = "$(cat /run/secrets/token)" && echo ${#TOKEN} > /length
            RUN --network=none ls /sys/class/net > /net
            """, change: options => options with { Secrets = options.Secrets.Add("token", new BuildSecret(null, "s3cr3t"u8.ToArray())) });
        string[] tree = await scratch.TreeAsync(image);
        Assert.Contains("seen 644 0:0 \"contentstage|\"", tree);
        Assert.Contains("first 644 0:0 \"x|\"", tree);
        Assert.Contains("second 644 0:0 \"xx|\"", tree);
        Assert.Contains("length 644 0:0 \"6|\"", tree);
        Assert.Contains("net 644 0:0 \"lo|\"", tree);
        Assert.DoesNotContain(tree, line => line.StartsWith("src", StringComparison.Ordinal) || line.StartsWith("other", StringComparison.Ordinal)
            || line.StartsWith("cache", StringComparison.Ordinal) || line.StartsWith("scratch", StringComparison.Ordinal) || line.StartsWith("run/secrets", StringComparison.Ordinal));
        Assert.DoesNotContain(await scratch.Store.Builds.ListAsync(TestContext.Current.CancellationToken), record => record.Inputs.Contains("s3cr3t", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_BindOfContext_DoesNotSeeWhatIsIgnored()
    {
        await using BuildScratch scratch = await OpenAsync();
        scratch.File("src/main.c", "m");
        scratch.File("src/.env", "secret");
        scratch.File("notes", "n");
        Image image = await scratch.BuildAsync(
            "FROM base\nRUN --mount=type=bind,target=/x cd /x && find . -name '*' -type f | sort > /seen; echo > /x/new || echo ro >> /seen\n",
            change: options => options with { Ignored = Mica.Dockerfile.PatternList.Of(["**/.env", "notes", "bin", "etc"]) });
        Assert.Contains("seen 644 0:0 \"./src/main.c|ro|\"", await scratch.TreeAsync(image));
    }

    [Fact]
    public async Task Run_DeletingWithSourceDateEpoch_MakesTheSameLayerEveryTime()
    {
        await using BuildScratch scratch = await OpenAsync();
        const string Dockerfile = "FROM base\nRUN rm /etc/group && chmod 700 / && mkdir /etc/new\n";
        Image first = await scratch.BuildAsync(Dockerfile, change: Fixed);
        await Task.Delay(TimeSpan.FromMilliseconds(1100), TestContext.Current.CancellationToken);
        Image second = await scratch.BuildAsync(Dockerfile, change: Fixed);
        Assert.Equal(first.Config.RootFs.DiffIds[^1], second.Config.RootFs.DiffIds[^1]);

        static BuildOptions Fixed(BuildOptions options) => options with { NoCache = true, Epoch = DateTimeOffset.FromUnixTimeSeconds(1_000_000_000) };
    }

    [Fact]
    public async Task Run_ForAForeignPlatformWithoutHandler_SaysWhatIsMissing()
    {
        await using BuildScratch scratch = await OpenAsync();
        StepFailedException failure = await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync(
            "FROM --platform=linux/s390x scratch\nCOPY bin /bin\nRUN [\"/bin/true\"]\n",
            binfmt: Path.Join(scratch.Context, "none")));
        Assert.StartsWith("programs for linux/s390x do not run on ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("3 | >>> RUN", failure.Excerpt, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Timeout_EndsTheStep()
    {
        await using BuildScratch scratch = await OpenAsync();
        StepFailedException failure = await Assert.ThrowsAsync<StepFailedException>(() => scratch.BuildAsync(
            "FROM base\nRUN sleep 100\n", change: options => options with { StepTimeout = TimeSpan.FromMilliseconds(300) }));
        Assert.EndsWith("took longer than 0.3s", failure.Message, StringComparison.Ordinal);
    }
}
