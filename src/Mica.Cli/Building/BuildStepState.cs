using System.Globalization;
using Mica.Build;
using Mica.Cli.Progress;
using Mica.Cli.Rendering;

namespace Mica.Cli.Building;

/// <summary>How far one step is, for the terminal. Not thread-safe.</summary>
internal sealed class BuildStepState(string name, long started)
{
    /// <summary>Lines of output shown of a step that runs.</summary>
    private const int MaxOutput = 6;

    private const int MaxNotices = 8;

    private readonly OutputLines _lines = new();
    private readonly Queue<string> _output = [];
    private readonly Queue<string> _notices = [];
    private readonly TransferBoard _transfers = new();

    public string Name { get; } = name;

    public long Started { get; } = started;

    /// <summary>How long it took; null while it runs.</summary>
    public TimeSpan? Elapsed { get; private set; }

    public bool IsCached { get; private set; }

    public bool IsFailed { get; private set; }

    public bool IsCancelled { get; private set; }

    /// <summary><paramref name="now"/>: how long the step has been running.</summary>
    public void Apply(BuildEvent happened, TimeSpan now)
    {
        switch (happened)
        {
            case StepCached:
                IsCached = true;
                Elapsed ??= TimeSpan.Zero;
                break;
            case StepCompleted completed:
                Elapsed ??= completed.Elapsed;
                break;
            case StepFailed failed:
                IsCancelled = failed.IsCancelled;
                IsFailed = !failed.IsCancelled;
                Elapsed ??= now;
                break;
            case StepOutput output:
                _lines.Add(output.Bytes.Span).ForEach(line => Keep(_output, line, MaxOutput));
                break;
            case StepExplained explained:
                Keep(_notices, $"explain: {OutputLines.Clean(explained.Reason)}", MaxNotices);
                break;
            case StepNotice notice:
                Keep(_notices, OutputLines.Clean(notice.Text), MaxNotices);
                break;
            case StepProgress transfer:
                _transfers.Apply(transfer.Progress, out _);
                if (TransferBoard.Line(transfer.Progress) is { } line)
                {
                    Keep(_notices, OutputLines.Clean(line), MaxNotices);
                }

                break;
        }
    }

    /// <summary>The lines below the step's own.</summary>
    public IEnumerable<string> Details()
    {
        IEnumerable<string> notices = _notices.Select(line => $" => => {line}");
        return Elapsed is not null ? notices : notices.Concat(Transfers()).Concat(_output.Select(line => $" => => # {line}"));
    }

    private IEnumerable<string> Transfers() => _transfers.Layers.Where(layer => !layer.IsSettled(ProgressWords.Pull)).Select(layer => layer.State switch
    {
        LayerState.Unpacking => $" => => extracting {layer.Id} {Amount(layer)}",
        LayerState.Transferring => $" => => {layer.Id} {Amount(layer)}",
        _ => $" => => {layer.Id} {HumanSize.Short(layer.Size)} {layer.Status(ProgressWords.Pull).ToLower(CultureInfo.InvariantCulture)}",
    });

    private static string Amount(LayerProgress layer) => $"{HumanSize.Short(layer.Current)} / {HumanSize.Short(layer.Size)}";

    private static void Keep(Queue<string> lines, string line, int count)
    {
        lines.Enqueue(line);
        if (lines.Count > count)
        {
            lines.Dequeue();
        }
    }
}
