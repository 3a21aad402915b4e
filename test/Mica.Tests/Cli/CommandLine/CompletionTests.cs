using System.Diagnostics;
using Mica.Cli.CommandLine;
using Mica.Cli.Completion;

namespace Mica.Tests.Cli.CommandLine;

public sealed class CompletionTests
{
    [Theory]
    [InlineData("ver", "version")]
    [InlineData("completion ", "bash fish zsh")]
    [InlineData("completion z", "zsh")]
    [InlineData("--debug completion f", "fish")]
    [InlineData("--root completion completion f", "fish")]
    [InlineData("version --f", "--format")]
    [InlineData("--progress ", "auto tty plain json quiet")]
    [InlineData("--progress p", "plain")]
    [InlineData("--progress=p", "--progress=plain")]
    [InlineData("--root ", ":files")]
    [InlineData("help ver", "version")]
    [InlineData("version -- --f", "")]
    [InlineData("start ", "a-Containers")]
    [InlineData("volume rm ", "a-Volumes")]
    [InlineData("network connect ", "a-Networks")]
    public async Task Query_UnfinishedLine_HasTheNextWords(string line, string expected)
    {
        IEnumerable<Candidate> candidates = await CompletionQuery.RunAsync(CommandTree.Create(), line.Split(' '), NamesAsync);

        Assert.Equal(expected, string.Join(' ', candidates.Select(candidate => candidate.Word)));
    }

    [Theory]
    [InlineData("mica images debian:tr", "trixie")]
    [InlineData("mica pull --platform=l", "linux/amd64")]
    [InlineData("mica tag ", "one two:2")]
    public async Task Bash_AnswersOfMica_AreTheReplies(string line, string expected)
    {
        using var directory = new TempDirectory();
        string answer = line switch
        {
            "mica images debian:tr" => "debian:trixie\\timage",
            "mica tag " => "one\\timage\\ntwo:2",
            _ => "--platform=linux/amd64",
        };
        string fake = Path.Combine(directory.Path, "mica");
        await File.WriteAllTextAsync(fake, $"#!/bin/sh\nprintf -- '{answer}\\n'\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(fake, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        string script = CompletionScripts.Bash + $"PATH={directory.Path}:$PATH\nCOMP_LINE='{line}' COMP_POINT={line.Length}\n_mica\necho \"${{COMPREPLY[*]}}\"\n";

        using Process bash = Process.Start(new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true })!;
        string output = await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Equal(expected, output.Trim());
    }

    private static Task<IEnumerable<string>> NamesAsync(Completes kind) => Task.FromResult<IEnumerable<string>>(kind == Completes.Images ? [] : [$"a-{kind}"]);

    private sealed class TempDirectory : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("mica-completion-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
