using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Mica.Cli.Progress;
using Mica.Oci;

namespace Mica.Tests.Cli.Progress;

public sealed class ProgressTests
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(100);
    private readonly ManualTime _time = new(new DateTimeOffset(2024, 6, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public void Terminal_PullOfThreeLayers_ShowsDockersStates()
    {
        var terminal = new FakeTerminal(100, 24);
        var frames = new StringBuilder();
        using (var progress = Terminal(terminal, ProgressWords.Pull))
        {
            foreach ((string label, Action<ProgressOutput> step) in PullSteps())
            {
                step(progress);
                _time.Advance(s_tick);
                frames.Append("--- ").Append(label).Append('\n').Append(terminal.Text).Append('\n');
            }
        }

        frames.Append("--- end\n").Append(terminal.Text).Append('\n');
        Golden.Verify("progress/pull-terminal.txt", frames.ToString());
    }

    [Fact]
    public void Plain_PullOfThreeLayers_HasOneLineForEachChange()
    {
        var output = new StringWriter();
        using (var progress = new PlainProgress(output, ProgressWords.Pull))
        {
            RunAll(progress);
        }

        Golden.Verify("progress/pull-plain.txt", output.ToString());
    }

    [Fact]
    public void Json_PullOfThreeLayers_IsDockersStream()
    {
        var output = new StringWriter();
        using (var progress = new JsonProgress(output, ProgressWords.Pull, _time))
        {
            RunAll(progress);
        }

        Golden.Verify("progress/pull-json.txt", output.ToString());
        Assert.All(output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries), line => JsonDocument.Parse(line).Dispose());
    }

    [Fact]
    public void Json_ManyEventsAtOnce_AreThrottled()
    {
        var output = new StringWriter();
        using var progress = new JsonProgress(output, ProgressWords.Pull, _time);
        Descriptor layer = Layer(1, 1_000_000);
        progress.Report(new BlobQueued(layer));

        for (int i = 1; i < 1000; i++)
        {
            progress.Report(new BlobTransferred(layer, i));
        }

        Assert.Equal(2, output.ToString().Count(c => c == '\n'));
    }

    [Fact]
    public void Plain_PushWithMount_UsesTheWordsOfPush()
    {
        var output = new StringWriter();
        using var progress = new PlainProgress(output, ProgressWords.Push);
        Descriptor[] layers = [Layer(1, 10), Layer(2, 10), Layer(3, 10)];

        Array.ForEach(layers, layer => progress.Report(new BlobQueued(layer)));
        progress.Report(new BlobExisted(layers[0]));
        progress.Report(new BlobMounted(layers[1], "library/debian"));
        progress.Report(new BlobTransferred(layers[2], 5));
        progress.Report(new BlobCompleted(layers[2]));

        Assert.Equal(
            """
            010101010101: Preparing
            020202020202: Preparing
            030303030303: Preparing
            010101010101: Layer already exists
            020202020202: Mounted from library/debian
            030303030303: Pushed

            """,
            output.ToString());
    }

    [Fact]
    public void Terminal_MoreLayersThanRows_ScrollsWhatIsDoneAndEndsWithAll()
    {
        var terminal = new FakeTerminal(80, 6);
        using (var progress = Terminal(terminal, ProgressWords.Pull))
        {
            Descriptor[] layers = [.. Enumerable.Range(1, 20).Select(i => Layer((byte)i, 100))];
            Array.ForEach(layers, layer => progress.Report(new BlobQueued(layer)));
            foreach (Descriptor layer in layers)
            {
                progress.Report(new BlobTransferred(layer, 50));
                _time.Advance(s_tick);
                progress.Report(new BlobCompleted(layer));
                progress.Report(new LayerUnpacked(layer, layer.Digest));
                _time.Advance(s_tick);
            }
        }

        string[] lines = terminal.Text.TrimEnd().Split('\n');
        Assert.Equal(20, lines.Length);
        Assert.All(lines, line => Assert.EndsWith("Pull complete", line, StringComparison.Ordinal));
    }

    [Fact]
    public void Terminal_MadeNarrower_OverwritesTheWrappedLines()
    {
        var terminal = new FakeTerminal(30, 24);
        using (var progress = Terminal(terminal, ProgressWords.Push))
        {
            Descriptor layer = Layer(1, 100);
            progress.Report(new BlobQueued(layer));
            progress.Report(new BlobTransferred(layer, 50));
            _time.Advance(s_tick);
            progress.Report(new BlobTransferred(layer, 60));
            _time.Advance(s_tick);
        }

        Assert.Equal("010101010101: Pushing 60B/10…", terminal.Text.TrimEnd());
    }

    [Fact]
    public void Terminal_ManyThreads_CostsUnderAMicrosecondAnEvent()
    {
        using var progress = Terminal(new FakeTerminal(80, 24), ProgressWords.Pull);
        Descriptor layer = Layer(1, long.MaxValue);
        progress.Report(new BlobQueued(layer));
        const int Count = 200_000;
        long start = Stopwatch.GetTimestamp();

        for (int i = 0; i < Count; i++)
        {
            progress.Report(new BlobTransferred(layer, i));
        }

        // Ten times what it takes, since the machine that runs tests does other things too.
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromMicroseconds(10 * Count));
    }

    [Theory]
    [InlineData(0, 100, 50, "[>                                                  ]       0B/100B")]
    [InlineData(50, 100, 50, "[=========================>                         ]      50B/100B")]
    [InlineData(100, 100, 50, "[==================================================>]     100B/100B")]
    [InlineData(200, 100, 50, "[==================================================>]     200B")]
    [InlineData(50, 100, 10, "[=====>     ]      50B/100B")]
    [InlineData(50, 100, 3, "50B/100B")]
    [InlineData(50, 0, 50, "50B")]
    public void Bar_CurrentOfTotal_IsDockers(long current, long total, int length, string expected)
    {
        Assert.Equal(expected, ProgressBar.Of(current, total, length));
    }

    private TerminalProgress Terminal(FakeTerminal terminal, ProgressWords words) =>
        new(terminal, words, () => new TerminalSize(terminal.Width, terminal.Height), _time);

    private void RunAll(ProgressOutput progress)
    {
        foreach ((_, Action<ProgressOutput> step) in PullSteps())
        {
            step(progress);
            _time.Advance(s_tick);
        }
    }

    private static List<(string Label, Action<ProgressOutput> Step)> PullSteps()
    {
        Descriptor config = new() { MediaType = "application/vnd.oci.image.config.v1+json", Digest = Digest.Of("config"u8), Size = 6 };
        Descriptor one = Layer(1, 49_000_000);
        Descriptor two = Layer(2, 1_000_000);
        Descriptor three = Layer(3, 32);
        return
        [
            ("resolved", p => p.Line("Pulling from library/debian", "latest")),
            ("queued", p =>
            {
                p.Report(new BlobQueued(one));
                p.Report(new BlobQueued(two));
                p.Report(new BlobQueued(three));
                p.Report(new BlobTransferred(config, 6));
                p.Report(new BlobCompleted(config));
            }),
            ("transferring", p =>
            {
                p.Report(new BlobTransferred(one, 12_345_678));
                p.Report(new BlobExisted(two));
            }),
            ("retry", p =>
            {
                p.Report(new RetryScheduled("sha256:0101", "connection reset", TimeSpan.FromSeconds(2)));
                p.Report(new BlobTransferred(one, 24_500_000));
            }),
            ("verifying", p =>
            {
                p.Report(new BlobTransferred(one, 49_000_000));
                p.Report(new LayerUnpacking(one, 40_000_000));
                p.Report(new BlobTransferred(three, 32));
            }),
            ("extracting", p =>
            {
                p.Report(new BlobCompleted(one));
                p.Report(new BlobCompleted(three));
                p.Report(new LayerUnpacking(one, 45_000_000));
                p.Report(new LayerUnpacked(three, three.Digest));
                p.Report(new RateLimitSeen("docker.io", 100, 76, TimeSpan.FromHours(6)));
            }),
            ("unpacked", p => p.Report(new LayerUnpacked(one, one.Digest))),
            ("done", p => p.Line("Status: Downloaded newer image for debian:latest")),
        ];
    }

    private static Descriptor Layer(byte fill, long size) => new()
    {
        MediaType = "application/vnd.oci.image.layer.v1.tar+gzip",
        Digest = Digest.Parse("sha256:" + Convert.ToHexStringLower([.. Enumerable.Repeat(fill, 32)])),
        Size = size,
    };
}
