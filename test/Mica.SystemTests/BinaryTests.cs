using System.Globalization;

namespace Mica.SystemTests;

/// <summary>The binary itself: one file, not too large, quick to start.</summary>
[Collection(nameof(Alone))]
public sealed class BinaryTests(Workbench bench)
{
    [CollectionDefinition(nameof(Alone), DisableParallelization = true)]
    public sealed class Alone;

    [Fact]
    public void Binary_Size_IsWithinTheBudget() =>
        Assert.InRange(new FileInfo(bench.Binary).Length, 1, 55_000_000);

    [Fact]
    public async Task Binary_Libraries_AreOnlyThoseOfTheSystem()
    {
        string[] libraries = [.. (await Shell.ScriptAsync("ldd \"$1\"", bench.Binary)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => Path.GetFileName(line.Trim().Split(' ')[0]))];

        Assert.All(libraries, name => Assert.Matches(@"^(libc\.|libm\.|ld-linux|linux-vdso)", name));
    }

    [Fact]
    public async Task Publish_NativeCompiler_HasNoWarnings()
    {
        string log = Path.Combine(bench.Repository, "artifacts", "publish.log");
        Assert.SkipUnless(File.Exists(log), "artifacts/publish.log is not there: the binary was not made by make build");

        Assert.DoesNotMatch("IL[0-9]{4}", await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Version_StartUp_IsNoMultipleOfABareProgram()
    {
        string hello = await PublishHelloAsync();
        // CPU of twenty starts, the better of several turns each: what the machine does besides only adds.
        double ours = double.MaxValue, bare = double.MaxValue;
        for (int turn = 0; turn < 6; turn++)
        {
            bare = Math.Min(bare, await CpuOfAsync(hello));
            ours = Math.Min(ours, await CpuOfAsync(bench.Binary, "version"));
        }

        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"20 starts: {ours:0.000} s, bare {bare:0.000} s"));

        // The aim is 3 and bench measures it; a busy machine must not fail this, and what was begun at start by mistake still does.
        Assert.True(ours <= 6 * bare, FormattableString.Invariant($"20 starts take {ours:0.000} s of CPU, of a bare program {bare:0.000} s: {ours / bare:0.0} times"));
    }

    [Fact]
    public async Task Help_EveryCommand_ExplainsItself()
    {
        foreach (string command in (string[])["pull", "push", "images", "history", "inspect", "tag", "rmi", "save", "load", "copy", "login", "logout", "system df", "image prune", "store check", "manifest create"])
        {
            CommandResult help = (await Shell.RunAsync([bench.Binary, .. command.Split(' '), "--help"])).Succeeded();
            Assert.Contains($"mica {command}", help.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task UnknownCommand_IsMisuse()
    {
        CommandResult result = await Shell.RunAsync([bench.Binary, "frobnicate"]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("frobnicate", result.Errors, StringComparison.Ordinal);
    }

    private static async Task<double> CpuOfAsync(string program, string argument = "")
    {
        CommandResult times = (await Shell.RunAsync(
            ["bash", "-c", "TIMEFORMAT='%U %S'; time for i in {1..20}; do \"$1\" $2 >/dev/null; done", "bash", program, argument])).Succeeded();
        return times.Errors.Split(' ').Sum(seconds => double.Parse(seconds, CultureInfo.InvariantCulture));
    }

    /// <summary>Publishes the bare program, once per SDK.</summary>
    private async Task<string> PublishHelloAsync()
    {
        string directory = Path.Combine(bench.Images.Directory, "hello-" + (await Shell.ScriptAsync("dotnet --version")).Trim());
        await Shell.ScriptAsync("""
            [ -x "$2/hello" ] || dotnet publish "$1/hello.csproj" -c Release -r "linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')" -o "$2" -v q >&2
            """, Path.Combine(bench.Repository, "test/fixtures/hello"), directory);
        return Path.Combine(directory, "hello");
    }
}
