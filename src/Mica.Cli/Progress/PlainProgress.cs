using Mica.Oci;

namespace Mica.Cli.Progress;

/// <summary>A line for every change of a layer's state, and none while bytes move: for logs and pipes.</summary>
internal sealed class PlainProgress(TextWriter output, ProgressWords words) : ProgressOutput
{
    private readonly Lock _lock = new();
    private readonly TransferBoard _board = new();

    public override void Report(ProgressEvent value)
    {
        lock (_lock)
        {
            LayerProgress? layer = _board.Apply(value, out bool changed);
            if (TransferBoard.Heading(value, words) is { } heading)
            {
                Line(heading.Status, heading.Id);
            }
            else if (TransferBoard.Line(value) is { } line)
            {
                Line(line);
            }
            else if (layer is not null && changed && IsWorthALine(layer.State, words))
            {
                Line(layer.Status(words), layer.Id);
            }
        }
    }

    public override void Line(string status, string? id = null)
    {
        lock (_lock)
        {
            output.Write(id is null ? $"{status}\n" : $"{id}: {status}\n");
            output.Flush();
        }
    }

    private static bool IsWorthALine(LayerState state, ProgressWords words) => state switch
    {
        LayerState.Transferring or LayerState.Verifying or LayerState.Unpacking => false,

        // Where both have one word it is for the end.
        LayerState.Transferred => !words.Unpacks || words.Transferred != words.Unpacked,
        _ => true,
    };
}
