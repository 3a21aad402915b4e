namespace Mica.SystemTests.Building;

/// <summary>Steps that cannot be done, do not end, or take more than there is. Each time the next build works.</summary>
public sealed class BadStepTests(Workbench bench)
{
    private const string Good = "FROM busybox\nRUN echo works >/works\n";

    [Theory]
    [InlineData("FROM busybox AS builder\nRUN true\nFROM busybox\nCOPY --from=bulder /bin/sh /x", "there is no stage \"bulder\" before this one (did you mean builder?)")]
    [InlineData("FROM busybox\nCOPY --from=nothing.invalid/image /x /x", "nothing.invalid")]
    [InlineData("FROM busybox\nCOPY --from=7 /x /x", "invalid stage index 7: there is no stage before this one")]
    [InlineData("FROM busybox AS a\nCOPY --from=b /x /x\nFROM busybox AS b\nCOPY --from=a /x /x\nFROM a", "there is no stage \"b\" before this one (line 3 begins it)")]
    [InlineData("FROM busybox AS a\nCOPY --from=a /x /x", "there is no stage \"a\" before this one (line 1 begins it)")]
    [InlineData("FROM busybox\nRUN --mount=type=secret,id=key,required cat /run/secrets/key", "secret key: not found: give it with --secret id=key,src=FILE")]
    [InlineData("FROM busybox\nRUN --mount=type=secret,id=key,required,env=KEY echo $KEY", "secret key: not found: give it with --secret id=key,src=FILE")]
    [InlineData("FROM busybox\nRUN exit 42", "process \"/bin/sh -c exit 42\" did not complete successfully: exit code: 42")]
    [InlineData("FROM busybox\nRUN [\"/nowhere/program\"]", "/nowhere/program")]
    [InlineData("FROM busybox\nRUN sh -c 'kill -9 $$; true' || exit $?", "exit code: 137")]
    [InlineData("FROM busybox\nUSER nobody-knows\nRUN true", "nobody-knows")]
    public async Task Step_CannotBeDone_SaysWhyAndLeavesNothing(string dockerfile, string expected)
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench);

        Assert.Contains(expected, await build.FailAsync(dockerfile), StringComparison.Ordinal);
        (await build.TryAsync(Good)).Succeeded();
    }

    [Fact]
    public async Task Step_Hangs_EndsAtTheTimeoutWithAllItsProcesses()
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench);

        string line = await build.FailAsync("FROM busybox\nRUN (trap '' TERM INT HUP; sleep 1000) & sleep 1000\n", "--timeout", "2s");

        Assert.Equal("process \"/bin/sh -c (trap '' TERM INT HUP; sleep 1000) & sleep 1000\" took longer than 2s", line);
        (await build.TryAsync(Good)).Succeeded();
    }

    [Fact]
    public async Task Step_ForksWithoutEnd_IsStoppedByItsLimits()
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench);
        build.File("bomb", "bomb() { bomb | bomb & }\nbomb\nsleep 1000\n");

        // The kernel holds no limit of this kind against root, and a quick machine then runs out of process ids for all tests.
        await build.FailAsync("FROM busybox\nCOPY bomb /\nUSER 54321\nRUN sh /bomb\n", "--ulimit", "nproc=200", "--timeout", "5s");

        (await build.TryAsync(Good)).Succeeded();
    }

    [Theory]
    [InlineData("RUN cat /dev/zero >/fill", "exit code: 1")]
    [InlineData("COPY large /", "no space left on device")]
    public async Task Step_FillsTheDisk_LeavesItAsFreeAsBefore(string instruction, string expected)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        string mount = bench.NewDirectory("small");
        await Shell.ScriptAsync(
            "truncate -s 64M \"$1.disk\"; mkfs.ext4 -q -F \"$1.disk\"; mount -o loop \"$1.disk\" \"$1\"", mount);
        try
        {
            await using BuildBench build = await BuildBench.OpenAsync(bench, bench.NewRoot(Path.Combine(mount, "store")));
            await File.WriteAllBytesAsync(Path.Combine(build.Context, "large"), new byte[60 << 20], TestContext.Current.CancellationToken);
            (await build.TryAsync(Good)).Succeeded();
            long before = new DriveInfo(mount).AvailableFreeSpace;

            Assert.Contains(expected, await build.FailAsync("FROM busybox\n" + instruction), StringComparison.Ordinal);

            Assert.InRange(before - new DriveInfo(mount).AvailableFreeSpace, long.MinValue, 1 << 20);
            (await build.TryAsync(Good + "RUN echo on >/on\n")).Succeeded();
        }
        finally
        {
            await Shell.ScriptAsync("umount \"$1\"; rm \"$1.disk\"", mount);
        }
    }

    [Fact]
    public async Task Build_TwiceAtOnce_BothMakeTheSame()
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench);
        string dockerfile = "FROM busybox\nRUN sleep 1; echo one >/one\nRUN echo two >/two\n";

        CommandResult[] both = await Task.WhenAll(Enumerable.Range(0, 3).Select(
            _ => build.TryAsync(dockerfile, "-q", "-t", "same", "--build-arg", "SOURCE_DATE_EPOCH=1700000000")));

        Assert.All(both, one => Assert.Equal(both[0].Output, one.Succeeded().Output));
        await build.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Context_WithUnreadableFiles_NamesTheFirstThatIsNeeded()
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench, await OrdinaryUser.NewRootAsync(bench, withSubordinateIds: false));
        await Shell.ScriptAsync("chmod 755 \"${1%/*}\" \"$1\"", build.Context);
        File.SetUnixFileMode(build.File("closed", "x"), UnixFileMode.None);
        build.File("open", "x");
        build.File("directory/file", "x");
        File.SetUnixFileMode(Path.Combine(build.Context, "directory"), UnixFileMode.UserExecute);

        Assert.Matches("^/closed: permission denied in the build context; make it readable", await build.FailAsync("FROM scratch\nCOPY closed /\n"));
        Assert.Matches("^/directory: permission denied in the build context; make it readable", await build.FailAsync("FROM scratch\nCOPY directory /\n"));
        (await build.TryAsync("FROM scratch\nCOPY open /\n")).Succeeded();
    }
}
