using Mica.Build;

namespace Mica.Cli.Building;

/// <summary>
/// Lines for logs and pipes, each with the number of its step. The lines of a step are kept together: as long as one step is
/// being shown, what others say waits, but not for longer than a few seconds.
/// </summary>
internal sealed class PlainBuildProgress : BuildProgress
{
    /// <summary>How long a step that runs is shown at least, when others have something to say.</summary>
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly TextWriter _output;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly SortedDictionary<int, Step> _steps = [];
    private Step? _shown;
    private long _since;
    private bool _begun;

    public PlainBuildProgress(TextWriter output, TimeProvider time)
    {
        _output = output;
        _time = time;
        _timer = time.CreateTimer(_ => Tick(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public override void Report(BuildEvent value)
    {
        lock (_lock)
        {
            if (value is StepStarted started)
            {
                _steps[started.Step] = new Step(started.Step, OutputLines.Clean(started.Name), _time.GetTimestamp());
            }
            else
            {
                Take(value);
            }

            ShowAll();
            _output.Flush();
        }
    }

    public override void Dispose()
    {
        lock (_lock)
        {
            foreach (Step step in _steps.Values.Where(step => step.IsWaiting))
            {
                Show(step);
            }

            _output.Flush();
        }

        _timer.Dispose();
        base.Dispose();
    }

    private void Take(BuildEvent value)
    {
        switch (value)
        {
            case StepCached { Step: var number } when Find(number) is { } step:
                step.Say("CACHED");
                step.IsDone = true;
                break;
            case StepExplained explained when Find(explained.Step) is { } step:
                step.Say($"explain: {OutputLines.Clean(explained.Reason)}");
                break;
            case StepOutput output when Find(output.Step) is { } step:
                step.Lines.Add(output.Bytes.Span).ForEach(line => Output(step, line));
                break;
            case StepNotice notice when Find(notice.Step) is { } step:
                step.Say(OutputLines.Clean(notice.Text));
                break;
            case StepProgress transfer when Find(transfer.Step) is { } step && BuildText.Line(transfer.Progress) is { } line:
                step.Say(OutputLines.Clean(line));
                break;
            case StepCompleted completed when Find(completed.Step) is { } step:
                End(step, $"DONE {BuildText.Seconds(completed.Elapsed)}");
                break;
            case StepFailed failed when Find(failed.Step) is { } step:
                End(step, failed.IsCancelled ? "CANCELED" : $"ERROR: {OutputLines.Clean(failed.Message)}");
                break;
        }
    }

    /// <summary>A step that is done has nothing more to say: after CACHED comes no DONE.</summary>
    private Step? Find(int number) => _steps.GetValueOrDefault(number) is { IsDone: false } step ? step : null;

    private void Output(Step step, string line) => step.Say($"{BuildText.Offset(_time.GetElapsedTime(step.Started))} {line}");

    private void End(Step step, string word)
    {
        if (step.Lines.Finish() is { } rest)
        {
            Output(step, rest);
        }

        step.Say(word);
        step.IsDone = true;
    }

    /// <summary>Shows what the shown step has to say; when that is done, all that waited, in the steps' order.</summary>
    private void ShowAll()
    {
        for (Step? next = Next(); next is not null; next = Next())
        {
            Show(next);
        }
    }

    private Step? Next()
    {
        if (_shown is { IsDone: false })
        {
            if (_shown.IsWaiting)
            {
                return _shown;
            }

            // Its turn ends only when another one has something to show.
            return _time.GetElapsedTime(_since) < s_turn ? null : _steps.Values.FirstOrDefault(step => step.IsWaiting);
        }

        return _shown is { IsWaiting: true } ? _shown
            : _steps.Values.FirstOrDefault(step => step is { IsWaiting: true, IsDone: true }) ?? _steps.Values.FirstOrDefault(step => step.IsWaiting);
    }

    private void Show(Step step)
    {
        if (_shown != step)
        {
            string leave = _shown is { IsDone: false } ? $"#{_shown.Number} ...\n" : "";
            _output.Write($"{leave}{(_begun ? "\n" : "")}#{step.Number} {step.Name}\n");
            _shown = step;
            _begun = true;
            _since = _time.GetTimestamp();
        }

        foreach (string line in step.Take())
        {
            _output.Write($"#{step.Number} {line}".TrimEnd() + "\n");
        }

        if (step.IsDone)
        {
            _steps.Remove(step.Number);
        }
    }

    private void Tick()
    {
        try
        {
            lock (_lock)
            {
                ShowAll();
                _output.Flush();
            }
        }
        catch (IOException)
        {
            // Nobody reads any more. On a timer's thread that would end the process; the command notices when it writes.
            _timer.Dispose();
        }
    }

    private sealed class Step(int number, string name, long started)
    {
        private readonly List<string> _waiting = [];
        private bool _isNew = true;

        public int Number { get; } = number;

        public string Name { get; } = name;

        public long Started { get; } = started;

        public OutputLines Lines { get; } = new();

        public bool IsDone { get; set; }

        /// <summary>It has something to say that was not shown, if only its name.</summary>
        public bool IsWaiting => _isNew || _waiting.Count > 0;

        public void Say(string line) => _waiting.Add(line);

        public string[] Take()
        {
            string[] lines = [.. _waiting];
            _waiting.Clear();
            _isNew = false;
            return lines;
        }
    }
}
