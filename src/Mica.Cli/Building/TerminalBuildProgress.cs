using System.Globalization;
using System.Text;
using Mica.Build;
using Mica.Cli.Progress;
using Mica.Cli.Rendering;

namespace Mica.Cli.Building;

/// <summary>
/// All steps with their times, and the last lines of those that run, redrawn in place ten times a second at most. When there
/// is not room for all, what is done goes out of sight first; the last frame, which is not drawn over, has everything.
/// </summary>
internal sealed class TerminalBuildProgress : BuildProgress
{
    private const string Reset = "\x1b[0m";

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Guards the state. Never held while writing, so that a terminal that is stopped does not stop the work.</summary>
    private readonly Lock _lock = new();

    /// <summary>Held for a whole frame.</summary>
    private readonly Lock _drawing = new();
    private readonly TextWriter _output;
    private readonly Func<TerminalSize> _size;
    private readonly bool _colors;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly long _started;
    private readonly SortedDictionary<int, BuildStepState> _steps = [];

    /// <summary>The widths of the lines that the next frame overwrites.</summary>
    private readonly List<int> _drawn = [];
    private bool _disposed;

    public TerminalBuildProgress(TextWriter output, Func<TerminalSize> size, bool colors, TimeProvider time)
    {
        _output = output;
        _size = size;
        _colors = colors;
        _time = time;
        _started = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Tick(), null, s_interval, s_interval);
    }

    public override void Report(BuildEvent value)
    {
        lock (_lock)
        {
            if (value is StepStarted started)
            {
                _steps[started.Step] = new BuildStepState(OutputLines.Clean(started.Name), _time.GetTimestamp());
            }
            else if (_steps.GetValueOrDefault(StepOf(value)) is { } step)
            {
                step.Apply(value, _time.GetElapsedTime(step.Started));
            }
        }
    }

    public override void Dispose()
    {
        _timer.Dispose();
        Draw(isLast: true);
        base.Dispose();
    }

    private static int StepOf(BuildEvent value) => value switch
    {
        StepCached cached => cached.Step,
        StepExplained explained => explained.Step,
        StepOutput output => output.Step,
        StepNotice notice => notice.Step,
        StepProgress transfer => transfer.Step,
        StepCompleted completed => completed.Step,
        StepFailed failed => failed.Step,
        _ => 0,
    };

    private void Tick()
    {
        try
        {
            Draw(isLast: false);
        }
        catch (IOException)
        {
            // The terminal is gone. On a timer's thread that would end the process; the command notices when it writes.
            _timer.Dispose();
        }
    }

    private void Draw(bool isLast)
    {
        lock (_drawing)
        {
            string frame;
            lock (_lock)
            {
                if (_disposed || _steps.Count == 0)
                {
                    return;
                }

                _disposed = isLast;
                frame = Frame(_size(), isLast);
            }

            _output.Write(frame);
            _output.Flush();
        }
    }

    private string Frame(TerminalSize size, bool isLast)
    {
        // A terminal that has no size, as some CI systems make them, is taken for one of the usual size.
        size = size.Width <= 0 || size.Height <= 0 ? new TerminalSize(80, 24) : size;
        int width = Math.Max(40, size.Width);
        var frame = new StringBuilder();

        // A terminal that was made narrower has wrapped the lines.
        int rows = _drawn.Sum(columns => Math.Max(1, (columns + width - 1) / width));
        if (rows > 0)
        {
            frame.Append(CultureInfo.InvariantCulture, $"\x1b[{rows}A\r\x1b[J");
        }

        _drawn.Clear();
        Append(frame, Heading(isLast), width, null);
        List<(string Line, string? Color)> lines = Lines(isLast ? int.MaxValue : Math.Max(2, size.Height - 2), width);
        foreach ((string line, string? color) in lines)
        {
            Append(frame, line, width, color);
        }

        return frame.ToString();
    }

    private string Heading(bool isLast)
    {
        int done = _steps.Values.Count(step => step.Elapsed is not null);
        bool finished = isLast && done == _steps.Count && !_steps.Values.Any(step => step.IsFailed || step.IsCancelled);
        return string.Create(CultureInfo.InvariantCulture,
            $"[+] Building {BuildText.Seconds(_time.GetElapsedTime(_started))} ({done}/{_steps.Count}){(finished ? " FINISHED" : "")}");
    }

    /// <summary>At most <paramref name="room"/> lines: first what steps that are done have below them goes, then they themselves.</summary>
    private List<(string Line, string? Color)> Lines(int room, int width)
    {
        List<(BuildStepState Step, List<string> Details)> blocks = [.. _steps.Values.Select(step => (step, step.Details().ToList()))];
        int count = blocks.Sum(block => 1 + block.Details.Count);
        foreach ((BuildStepState step, List<string> details) in blocks)
        {
            if (count > room && step.Elapsed is not null)
            {
                count -= details.Count;
                details.Clear();
            }
        }

        for (int i = 0; i < blocks.Count && count > room;)
        {
            if (blocks[i].Step.Elapsed is null)
            {
                i++;
                continue;
            }

            blocks.RemoveAt(i);
            count--;
        }

        List<(string, string?)> lines = [];
        foreach ((BuildStepState step, List<string> details) in blocks)
        {
            string? color = ColorOf(step);
            lines.Add((StepLine(step, width), color));
            lines.AddRange(details.Select(line => (line, color)));
        }

        return lines.Count > room ? lines[^room..] : lines;
    }

    private string StepLine(BuildStepState step, int width)
    {
        string word = step.IsCached ? "CACHED " : step.IsFailed ? "ERROR " : step.IsCancelled ? "CANCELED " : "";
        string elapsed = BuildText.Seconds(step.Elapsed ?? _time.GetElapsedTime(step.Started));
        string left = DisplayWidth.Ellipsis($" => {word}{step.Name}", width - elapsed.Length - 3);
        return left + new string(' ', Math.Max(1, width - 1 - elapsed.Length - DisplayWidth.Of(left))) + elapsed;
    }

    private string? ColorOf(BuildStepState step) => !_colors ? null
        : step.IsFailed ? "\x1b[31m"
        : step.IsCancelled ? "\x1b[33m"
        : step.Elapsed is not null ? "\x1b[34m"
        : null;

    private void Append(StringBuilder frame, string line, int width, string? color)
    {
        string cut = DisplayWidth.Ellipsis(line, width - 1);
        frame.Append(color).Append(cut).Append(color is null ? "" : Reset).Append('\n');
        _drawn.Add(DisplayWidth.Of(cut));
    }
}
