using System.Globalization;
using System.Text;
using Mica.Cli.Rendering;
using Mica.Oci;

namespace Mica.Cli.Progress;

/// <summary>The size of a terminal in characters.</summary>
internal readonly record struct TerminalSize(int Width, int Height);

/// <summary>
/// One line for every layer, redrawn in place ten times a second at most. Layers that are done and have nothing unfinished
/// above them become ordinary lines, so that an image with more layers than the terminal has rows scrolls by as it is done.
/// A frame is one write, ends below the last line and hides nothing, so that whatever ends the process leaves a sane terminal.
/// </summary>
internal sealed class TerminalProgress : ProgressOutput
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Guards the state. Never held while writing, so that a terminal that is stopped does not stop the work.</summary>
    private readonly Lock _lock = new();

    /// <summary>Held for a whole frame.</summary>
    private readonly Lock _drawing = new();
    private readonly TextWriter _output;
    private readonly ProgressWords _words;
    private readonly Func<TerminalSize> _size;
    private readonly ITimer _timer;
    private readonly TransferBoard _board = new();
    private readonly List<string> _notices = [];

    /// <summary>The widths of the lines that the next frame overwrites.</summary>
    private readonly List<int> _drawn = [];
    private int _settled;
    private bool _dirty;
    private bool _disposed;

    public TerminalProgress(TextWriter output, ProgressWords words, Func<TerminalSize> size, TimeProvider time)
    {
        _output = output;
        _words = words;
        _size = size;
        _timer = time.CreateTimer(_ => Tick(), null, s_interval, s_interval);
    }

    public override void Report(ProgressEvent value)
    {
        if (TransferBoard.Heading(value, _words) is { } heading)
        {
            Line(heading.Status, heading.Id);
            return;
        }

        lock (_lock)
        {
            if (TransferBoard.Line(value) is { } line)
            {
                _notices.Add(line);
            }

            _board.Apply(value, out _);
            _dirty = true;
        }
    }

    /// <summary>The line follows all layers known so far, which stay as they are now.</summary>
    public override void Line(string status, string? id = null) =>
        Draw(settlesAll: true, isLast: false, (id is null ? status : $"{id}: {status}") + "\n");

    public override void Dispose()
    {
        _timer.Dispose();
        Draw(settlesAll: true, isLast: true, "");
        base.Dispose();
    }

    private void Tick()
    {
        try
        {
            Draw(settlesAll: false, isLast: false, "");
        }
        catch (IOException)
        {
            // The terminal is gone. On a timer's thread that would end the process; the command notices when it writes.
            _timer.Dispose();
        }
    }

    private void Draw(bool settlesAll, bool isLast, string after)
    {
        lock (_drawing)
        {
            string frame;
            lock (_lock)
            {
                if (_disposed || (!_dirty && !settlesAll))
                {
                    return;
                }

                _disposed = isLast;
                _dirty = false;
                frame = Frame(_size(), settlesAll) + after;
            }

            _output.Write(frame);
            _output.Flush();
        }
    }

    private string Frame(TerminalSize size, bool settlesAll)
    {
        int width = Math.Max(20, size.Width);
        var frame = new StringBuilder();

        // A terminal that was made narrower has wrapped the lines.
        int rows = _drawn.Sum(columns => Math.Max(1, (columns + width - 1) / width));
        if (rows > 0)
        {
            frame.Append(CultureInfo.InvariantCulture, $"\x1b[{rows}A\r\x1b[J");
        }

        _drawn.Clear();
        foreach (string line in _notices)
        {
            frame.Append(TextTable.OneLine(line)).Append('\n');
        }

        _notices.Clear();
        while (_settled < _board.Layers.Count && (settlesAll || _board.Layers[_settled].IsSettled(_words)))
        {
            frame.Append(LayerLine(_board.Layers[_settled++], width)).Append('\n');
        }

        AppendLive(frame, width, Math.Max(2, size.Height - 1));
        return frame.ToString();
    }

    private void AppendLive(StringBuilder frame, int width, int height)
    {
        int live = _board.Layers.Count - _settled;
        int shown = live > height ? height - 1 : live;
        for (int i = _settled; i < _settled + shown; i++)
        {
            AppendLine(frame, LayerLine(_board.Layers[i], width));
        }

        if (shown < live)
        {
            AppendLine(frame, string.Create(CultureInfo.InvariantCulture, $"… and {live - shown} more layers"));
        }
    }

    private void AppendLine(StringBuilder frame, string line)
    {
        frame.Append(line).Append('\n');
        _drawn.Add(DisplayWidth.Of(line));
    }

    private string LayerLine(LayerProgress layer, int width)
    {
        string status = layer.State == LayerState.Queued && _board.HasStarted ? "Waiting" : layer.Status(_words);
        string line = $"{layer.Id}: {status}";
        if (layer.Moves)
        {
            // Id, status, brackets and the numbers take the rest.
            int room = width - line.Length - 24;
            line += " " + ProgressBar.Of(layer.Current, layer.Size, room);
        }

        return DisplayWidth.Ellipsis(TextTable.OneLine(line), width - 1);
    }
}
