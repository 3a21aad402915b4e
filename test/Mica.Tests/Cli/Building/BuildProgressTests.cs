using System.Text;
using Mica.Build;
using Mica.Cli.Building;
using Mica.Cli.Progress;
using Mica.Oci;
using Mica.Tests.Cli.Progress;

namespace Mica.Tests.Cli.Building;

public sealed class BuildProgressTests
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(100);
    private readonly ManualTime _time = new(new DateTimeOffset(2024, 6, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public void Plain_Build_IsInBuildKitsForm()
    {
        var output = new StringWriter();
        using (var progress = new PlainBuildProgress(output, _time))
        {
            Run(progress, null);
        }

        Golden.Verify("progress/build-plain.txt", output.ToString());
    }

    [Fact]
    public void Terminal_Build_ShowsStepsWithTheirTimesAndLastLines()
    {
        var terminal = new FakeTerminal(80, 24);
        var frames = new StringBuilder();
        using (var progress = Terminal(terminal))
        {
            Run(progress, label => frames.Append("--- ").Append(label).Append('\n').Append(terminal.Text).Append('\n'));
        }

        frames.Append("--- end\n").Append(terminal.Text).Append('\n');
        Golden.Verify("progress/build-terminal.txt", frames.ToString());
    }

    [Fact]
    public void Json_Build_IsOneObjectForEveryEvent()
    {
        var output = new StringWriter();
        using (var progress = new JsonBuildProgress(output, _time))
        {
            Run(progress, null);
        }

        Golden.Verify("progress/build-json.txt", output.ToString());
    }

    [Fact]
    public void Plain_TwoStepsAtOnce_KeepsTheLinesOfOneTogether()
    {
        var output = new StringWriter();
        using (var progress = new PlainBuildProgress(output, _time))
        {
            progress.Report(new StepStarted(1, "[a 1/1] RUN one"));
            progress.Report(new StepStarted(2, "[b 1/1] RUN two"));
            progress.Report(Output(1, "first\n"));
            progress.Report(Output(2, "second\n"));
            progress.Report(Output(1, "third\n"));
            progress.Report(new StepCompleted(2, TimeSpan.FromSeconds(1)));
            progress.Report(new StepCompleted(1, TimeSpan.FromSeconds(2)));
        }

        Assert.Equal(
            """
            #1 [a 1/1] RUN one
            #1 0.000 first
            #1 0.000 third
            #1 DONE 2.0s

            #2 [b 1/1] RUN two
            #2 0.000 second
            #2 DONE 1.0s

            """, output.ToString());
    }

    [Fact]
    public void Plain_StepThatRunsLong_LeavesItsTurnToAnother()
    {
        var output = new StringWriter();
        using (var progress = new PlainBuildProgress(output, _time))
        {
            progress.Report(new StepStarted(1, "[a 1/1] RUN one"));
            progress.Report(new StepStarted(2, "[b 1/1] RUN two"));
            progress.Report(Output(2, "second\n"));
            _time.Advance(TimeSpan.FromSeconds(6));
            progress.Report(Output(2, "more\n"));
            progress.Report(new StepCompleted(2, TimeSpan.FromSeconds(6)));
            progress.Report(new StepCompleted(1, TimeSpan.FromSeconds(6)));
        }

        Assert.Equal(
            """
            #1 [a 1/1] RUN one
            #1 ...

            #2 [b 1/1] RUN two
            #2 0.000 second
            #2 6.000 more
            #2 DONE 6.0s

            #1 [a 1/1] RUN one
            #1 DONE 6.0s

            """, output.ToString());
    }

    [Fact]
    public void Terminal_MoreStepsThanRows_HidesWhatIsDoneUntilTheEnd()
    {
        var terminal = new FakeTerminal(60, 8);
        using (var progress = Terminal(terminal))
        {
            for (int step = 1; step <= 20; step++)
            {
                progress.Report(new StepStarted(step, $"[{step}/20] RUN step"));
                progress.Report(Output(step, "a\nb\nc\nd\ne\nf\ng\nh\n"));
                _time.Advance(s_tick);
                progress.Report(new StepCompleted(step, s_tick));
                _time.Advance(s_tick);
            }
        }

        string[] lines = terminal.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("[+] Building 4.0s (20/20) FINISHED", lines[0]);
        Assert.Equal(21, lines.Length);
    }

    [Fact]
    public void Terminal_WithColors_PaintsWhatIsDoneAndWhatFailed()
    {
        var output = new StringWriter();
        using (var progress = new TerminalBuildProgress(output, () => new TerminalSize(60, 24), colors: true, _time))
        {
            progress.Report(new StepStarted(1, "good"));
            progress.Report(new StepCompleted(1, TimeSpan.Zero));
            progress.Report(new StepStarted(2, "bad"));
            progress.Report(new StepFailed(2, "no", false));
        }

        Assert.Contains("\x1b[34m => good ", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("\x1b[31m => ERROR bad ", output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("FINISHED", output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("10%\r50%\r100%", "100%")]
    [InlineData("dos\r", "dos")]
    [InlineData("\x1b[1;31mred\x1b[0m text", "red text")]
    [InlineData("\x1b]0;title\u0007after", "after")]
    [InlineData("\x1b]0;title\x1b\\after", "after")]
    [InlineData("\x1b[2J\x1b", "")]
    [InlineData("a\tb\bc", "a    bc")]
    public void Clean_TextWithControls_KeepsWhatIsToBeRead(string text, string expected)
    {
        Assert.Equal(expected, OutputLines.Clean(text));
    }

    [Fact]
    public void Lines_InPieces_AreWholeAndBounded()
    {
        var lines = new OutputLines();

        Assert.Empty(lines.Add("be"u8));
        Assert.Equal(["begin", ""], lines.Add("gin\n\nre"u8));
        Assert.Equal("re", lines.Finish());
        Assert.Null(lines.Finish());
        Assert.Equal([64 << 10, 64 << 10], lines.Add(new byte[(128 << 10) + 5].Select(_ => (byte)'x').ToArray()).Select(line => line.Length));
    }

    private TerminalBuildProgress Terminal(FakeTerminal terminal) =>
        new(terminal, () => new TerminalSize(terminal.Width, terminal.Height), colors: false, _time);

    private void Run(BuildProgress progress, Action<string>? frame)
    {
        foreach ((string label, BuildEvent[] events) in Steps())
        {
            foreach (BuildEvent happened in events)
            {
                progress.Report(happened);
            }

            _time.Advance(s_tick);
            frame?.Invoke(label);
        }
    }

    private static List<(string Label, BuildEvent[] Events)> Steps()
    {
        var layer = new Descriptor { MediaType = MediaTypes.OciLayerGzip, Digest = Digest.Of("layer"u8), Size = 30_000_000 };
        return
        [
            ("definition", [new StepStarted(1, "[internal] load build definition from Dockerfile"), new StepCompleted(1, s_tick)]),
            ("pull",
            [
                new StepStarted(2, "[build 1/3] FROM docker.io/library/debian:trixie"),
                new StepProgress(2, new ReferenceResolved("debian:trixie", layer)),
                new StepProgress(2, new BlobQueued(layer)),
                new StepProgress(2, new BlobTransferred(layer, 12_000_000)),
            ]),
            ("pulled", [new StepProgress(2, new BlobTransferred(layer, 30_000_000)), new StepProgress(2, new BlobCompleted(layer)), new StepProgress(2, new LayerUnpacking(layer, 20_000_000))]),
            ("unpacked", [new StepProgress(2, new LayerUnpacked(layer, layer.Digest)), new StepCompleted(2, TimeSpan.FromSeconds(0.3))]),
            ("cached", [new StepStarted(3, "[build 2/3] COPY . ."), new StepCached(3), new StepCompleted(3, TimeSpan.Zero)]),
            ("run", [new StepStarted(4, "[build 3/3] RUN make"), new StepExplained(4, "COPY a.c: content changed"), Output(4, "one\ntwo\nthree\nfour\nfive\n")]),
            ("more", [Output(4, "six\nse"), Output(4, "ven\neight\n"), new StepNotice(4, "a notice"), Output(4, "no end")]),
            ("failed", [new StepFailed(4, "process \"/bin/sh -c make\" did not complete successfully: exit code: 2", false)]),
            ("stopped", [new StepStarted(5, "[other 1/1] RUN sleep"), new StepFailed(5, "canceled", true)]),
        ];
    }

    private static StepOutput Output(int step, string text) => new(step, false, Encoding.UTF8.GetBytes(text));
}
