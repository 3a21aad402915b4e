using System.Text;
using Mica.Cli;
using Mica.Cli.CommandLine;
using Mica.Cli.Hosting;
using Mica.Oci;

namespace Mica.Tests.Cli.CommandLine;

public sealed class CommandLineTests
{
    [Fact]
    public async Task Usage_MistakesOnTheCommandLine_AreToldInDockersWords()
    {
        string[][] commandLines =
        [
            ["versio"], ["nonsense"], ["completion", "bsh"], ["version", "x"], ["version", "--formt", "x"], ["version", "-xf", "a"],
            ["version", "--format"], ["version", "--debug=maybe"], ["--progress", "bad", "version"], ["--root"], ["--rot", "x"],
        ];
        var transcript = new StringBuilder();

        foreach (string[] words in commandLines)
        {
            transcript.Append(await FakeHost.TranscriptAsync(words)).Append('\n');
        }

        Golden.Verify("usage.txt", transcript.ToString());
    }

    [Fact]
    public async Task Help_EveryCommand_IsTheGolden()
    {
        CommandEntry root = CommandTree.Create();
        var transcript = new StringBuilder(await FakeHost.TranscriptAsync("--help"));

        foreach (string[] path in Paths(root, []))
        {
            transcript.Append('\n').Append(await FakeHost.TranscriptAsync([.. path, "--help"]));
        }

        Golden.Verify("help.txt", transcript.ToString());
    }

    [Fact]
    public void Tree_EveryCommand_CanBeMadeAndHasNoOptionTwice()
    {
        foreach (string[] path in Paths(CommandTree.Create(), []))
        {
            CommandEntry entry = path.Aggregate(CommandTree.Create(), (parent, word) => parent.Find(word)!);
            string[] names = [.. (entry.Create?.Invoke().Options ?? []).SelectMany(option => new[] { option.Name, option.Shorthand }).OfType<string>()];
            Assert.Equal(names.Distinct().Count(), names.Length);
            Assert.NotEqual("", entry.Summary);
        }
    }

    [Theory]
    [InlineData("-f", "{{.Os}}")]
    [InlineData("-f{{.Os}}")]
    [InlineData("--format={{.Os}}")]
    [InlineData("--format", "x", "--format", "{{.Os}}")]
    [InlineData("--debug", "-f", "{{.Os}}", "--")]
    public async Task Option_EverySpelling_IsUnderstood(params string[] options)
    {
        var host = new FakeHost();

        int code = await host.RunAsync(["version", .. options]);

        Assert.Equal((0, "linux\n", ""), (code, host.Output, host.Error));
    }

    [Fact]
    public async Task GlobalOption_BeforeTheCommand_DoesNotHideIt()
    {
        var host = new FakeHost();

        int code = await host.RunAsync("--root", "version", "--progress=plain", "version", "-f", "{{.Os}}");

        Assert.Equal((0, "linux\n"), (code, host.Output));
    }

    [Fact]
    public async Task AtSign_InAWord_IsNoResponseFile()
    {
        var host = new FakeHost();

        await host.RunAsync("version", "@/etc/passwd");

        Assert.StartsWith("\"mica version\" accepts no arguments.", host.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0, 1, "accepts no arguments.")]
    [InlineData(1, 1, 0, "requires exactly 1 argument.")]
    [InlineData(2, 2, 3, "requires exactly 2 arguments.")]
    [InlineData(1, int.MaxValue, 0, "requires at least 1 argument.")]
    [InlineData(0, 1, 2, "requires at most 1 argument.")]
    [InlineData(1, 2, 3, "requires at least 1 and at most 2 arguments.")]
    [InlineData(1, 2, 2, null)]
    public void Complaint_CountOfArguments_IsDockersSentence(int least, int most, int count, string? expected)
    {
        Assert.Equal(expected, new ArgumentCount(least, most).Complaint(count));
    }

    [Theory]
    [InlineData("pul", "pull")]
    [InlineData("puhs", "push")]
    [InlineData("imags", "images")]
    [InlineData("hist", "history")]
    [InlineData("xyz", null)]
    [InlineData("x", null)]
    public void Suggestion_MistypedWord_IsTheNearest(string word, string? expected)
    {
        Assert.Equal(expected, Suggestion.For(word, ["pull", "push", "images", "inspect", "history", "tag", "rmi"]));
    }

    [Theory]
    [InlineData(ErrorKind.InvalidArgument, 2)]
    [InlineData(ErrorKind.NotFound, 1)]
    [InlineData(ErrorKind.Conflict, 1)]
    [InlineData(ErrorKind.ContentMismatch, 1)]
    [InlineData(ErrorKind.Unauthenticated, 1)]
    [InlineData(ErrorKind.Internal, 70)]
    public void ExitCode_Kind_IsThatOfTheTable(ErrorKind kind, int expected)
    {
        Assert.Equal(expected, ExitCodes.Of(kind));
    }

    [Fact]
    public void StoreRoot_Environment_DecidesInOrder()
    {
        Dictionary<string, string> set = new() { ["MICA_ROOT"] = "/m", ["XDG_DATA_HOME"] = "/x", ["HOME"] = "/h" };
        CliEnvironment Environment() => CliEnvironment.Read(name => set.GetValueOrDefault(name));

        Assert.Equal("/m", Environment().StoreRoot(isSuperuser: true));
        set["MICA_ROOT"] = "";
        Assert.Equal("/var/lib/mica", Environment().StoreRoot(isSuperuser: true));
        Assert.Equal("/x/mica", Environment().StoreRoot(isSuperuser: false));
        set.Remove("XDG_DATA_HOME");
        Assert.Equal("/h/.local/share/mica", Environment().StoreRoot(isSuperuser: false));
        set.Remove("HOME");
        Assert.Null(Environment().StoreRoot(isSuperuser: false));
    }

    private static IEnumerable<string[]> Paths(CommandEntry entry, string[] path) =>
        entry.Children.SelectMany(child => new[] { (string[])[.. path, child.Name] }.Concat(Paths(child, [.. path, child.Name])));
}
