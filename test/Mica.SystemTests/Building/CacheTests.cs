namespace Mica.SystemTests.Building;

/// <summary>What the next build takes of the one before, and what it must not.</summary>
public sealed class CacheTests(Workbench bench)
{
    private const string Secret = "s3cr3t-that-stays-where-it-is";

    private async Task<(MicaRoot Mica, string Context)> PrepareAsync(string dockerfile)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/busybox:latest");
        await mica.RunAsync("tag", $"{bench.Registry.Address}/busybox:latest", "busybox");
        string context = bench.NewDirectory("cached");
        await File.WriteAllTextAsync(Path.Combine(context, "Dockerfile"), dockerfile);
        await File.WriteAllTextAsync(Path.Combine(context, "one"), "1\n");
        await File.WriteAllTextAsync(Path.Combine(context, "two"), "2\n");
        return (mica, context);
    }

    private static async Task<string> BuildAsync(MicaRoot mica, params string[] words)
    {
        CommandResult result = (await mica.TryAsync(["build", "--progress=plain", "--network", "none", .. words])).Succeeded();
        return result.Errors + result.Output;
    }

    private static string IdOf(string log) => log.Split("writing image ")[1].Split(' ')[0];

    [Fact]
    public async Task Build_Again_ExecutesOnlyWhatDependsOnAChange()
    {
        (MicaRoot mica, string context) = await PrepareAsync("""
            FROM busybox AS first
            COPY one /one
            RUN cat /one >/first
            FROM busybox AS second
            COPY two /two
            RUN cat /two >/second
            FROM first
            COPY --from=second /second /
            """);
        await using MicaRoot held = mica;
        string id = IdOf(await BuildAsync(mica, context));
        File.SetLastWriteTimeUtc(Path.Combine(context, "one"), DateTime.UnixEpoch);

        string same = await BuildAsync(mica, context);
        await File.WriteAllTextAsync(Path.Combine(context, "two"), "3\n", TestContext.Current.CancellationToken);
        string changed = await BuildAsync(mica, "--explain", context);
        File.SetUnixFileMode(Path.Combine(context, "one"), UnixFileMode.UserRead);
        string mode = await BuildAsync(mica, "--explain", context);

        Assert.Equal((id, 6), (IdOf(same), same.Split("CACHED\n").Length - 1));
        Assert.Contains("content of two changed", changed, StringComparison.Ordinal);
        Assert.DoesNotContain("content of one", changed, StringComparison.Ordinal);
        Assert.Matches("content of one changed, .* mode 644 → .* mode 400", mode);
    }

    private const string Stages = """
        FROM busybox AS base
        RUN echo base >/base
        FROM base AS left
        ARG VERSION=1.2
        RUN echo "$VERSION" >/left
        FROM base AS right
        RUN echo right >/right
        FROM left
        COPY --from=right /right /
        """;

    [Theory]
    [InlineData("", "--build-arg VERSION=1.3", "RUN echo \"$VERSION\" >/left|COPY --from=right /right /")]
    [InlineData("", "--no-cache", "RUN echo base >/base|RUN echo \"$VERSION\" >/left|RUN echo right >/right|COPY --from=right /right /")]
    [InlineData("", "--no-cache-filter right", "RUN echo right >/right")]
    [InlineData("--target right", "", "RUN echo \"$VERSION\" >/left|COPY --from=right /right /")]
    [InlineData("", "--target right", "")]
    [InlineData("", "--label key=value", "")]
    public async Task Build_AgainWithFlags_ExecutesWhatTheyConcern(string before, string flags, string executed)
    {
        (MicaRoot mica, string context) = await PrepareAsync(Stages);
        await using MicaRoot held = mica;
        await BuildAsync(mica, [.. before.Split(' ', StringSplitOptions.RemoveEmptyEntries), context]);

        string log = await BuildAsync(mica, [.. flags.Split(' ', StringSplitOptions.RemoveEmptyEntries), context]);

        string[] steps = [.. Executed(log)];
        Assert.Equal(executed.Split('|', StringSplitOptions.RemoveEmptyEntries).Order(), steps.Order());
        Assert.DoesNotContain("ERROR", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_ChangedArgument_TellsOldAndNew()
    {
        (MicaRoot mica, string context) = await PrepareAsync(Stages);
        await using MicaRoot held = mica;
        await BuildAsync(mica, context);

        string log = await BuildAsync(mica, "--explain", "--build-arg", "VERSION=1.3", context);

        Assert.Matches("VERSION.*1\\.2 → .*1\\.3", log);
    }

    /// <summary>The RUN and COPY steps of a plain log that were not taken from the cache.</summary>
    private static IEnumerable<string> Executed(string log)
    {
        string[] lines = log.Split('\n');
        foreach (string line in lines)
        {
            string[] words = line.Split("] ", 2);
            if (words.Length == 2 && words[1].Split(' ')[0] is "RUN" or "COPY" && !lines.Contains(line.Split(' ')[0] + " CACHED"))
            {
                yield return words[1];
            }
        }
    }

    [Fact]
    public async Task Secrets_OfSteps_AreNowhereAfterwards()
    {
        (MicaRoot mica, string context) = await PrepareAsync($"""
            FROM busybox
            RUN --mount=type=secret,id=key,env=KEY test -n "$KEY"
            RUN --mount=type=secret,id=key test $(wc -c </run/secrets/key) = {Secret.Length}; ls /run/secrets >/seen 2>&1
            """);
        await using MicaRoot held = mica;
        string file = Path.Combine(bench.NewDirectory("secret"), "key");
        await File.WriteAllTextAsync(file, Secret, TestContext.Current.CancellationToken);
        string cache = bench.NewDirectory("cache");

        string log = await BuildAsync(mica, "--secret", $"id=key,src={file}", "--cache-to", $"type=local,dest={cache},mode=max", context);

        Assert.DoesNotContain(Secret, log, StringComparison.Ordinal);
        CommandResult found = await Shell.RunAsync(["grep", "-rlF", Secret, mica.Store, cache]);
        Assert.Equal((1, ""), (found.ExitCode, found.Output));
    }
}
