namespace Mica.SystemTests.Building;

/// <summary>Builds inside a container that may not mount, as builds in Kubernetes are.</summary>
public sealed class UnprivilegedTests(Workbench bench)
{
    private const string Prepare = """
        set -e
        mkdir -p /volume/context
        cp /bin/busybox /volume/context/
        cat >/volume/context/Dockerfile <<'END'
        FROM scratch AS made
        COPY busybox /bin/busybox
        COPY busybox /bin/sh
        RUN /bin/busybox mkdir /made && /bin/busybox echo "$(/bin/busybox id -u)" >/made/user && /bin/busybox rm /bin/busybox
        FROM scratch
        COPY --from=made /made /
        END

        """;

    [Theory]
    [InlineData(0, "steps run rootless, with subordinate ids, inside a container: they see its /proc")]
    [InlineData(1000, "steps run rootless with one id only: all files belong to root, whatever a step says, inside a container: they see its /proc")]
    public async Task Build_OnAVolume_RunsSteps(int user, string notice)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: to make the container");
        CommandResult result = (await RunAsync(user, Prepare + """
            mica --root /volume/store build --progress=plain -t made /volume/context
            mica --root /volume/store build --progress=plain --output /volume/out /volume/context
            echo "user $(cat /volume/out/user)"
            ls /volume/store/build/run 2>/dev/null | wc -l
            """)).Succeeded();

        Assert.Contains(notice, result.Output + result.Errors, StringComparison.Ordinal);
        Assert.EndsWith("user 0\n0\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("CACHED", result.Output + result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Build_OnTheContainersOwnRoot_SaysWhatToDo()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: to make the container");
        CommandResult result = await RunAsync(0, Prepare + "mica --root /var/store build -q /volume/context");

        Assert.Equal(1, result.ExitCode);
        Assert.EndsWith("lies on an overlay itself, where layers cannot be mounted: put the root directory on a volume, such as an emptyDir or a tmpfs (--root)",
            result.Errors.TrimEnd(), StringComparison.Ordinal);
    }

    private Task<CommandResult> RunAsync(int user, string script) => Shell.RunAsync(
        [Path.Combine(bench.Repository, "test/Mica.SystemTests/Building/unprivileged.sh"), bench.Binary, $"{user}", "bash", "-c", script]);
}
