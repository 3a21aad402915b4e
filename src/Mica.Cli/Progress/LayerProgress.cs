using Mica.Oci;

namespace Mica.Cli.Progress;

internal enum LayerState
{
    Queued,
    Transferring,
    Verifying,
    Transferred,
    Unpacking,
    Unpacked,
    Existed,
    Mounted,
}

/// <summary>How far one layer is. Changed and read under the lock of its <see cref="TransferBoard"/>.</summary>
internal sealed class LayerProgress(Descriptor descriptor)
{
    private const int IdLength = 12;

    /// <summary>The beginning of the digest's hex.</summary>
    public string Id { get; } = ShortId(descriptor.Digest);

    /// <summary>Bytes, compressed.</summary>
    public long Size { get; } = descriptor.Size;

    public LayerState State { get; private set; }

    /// <summary>Bytes transferred or unpacked, as the state says.</summary>
    public long Current { get; private set; }

    public string? MountedFrom { get; private set; }

    /// <summary><see cref="Current"/> grows.</summary>
    public bool Moves => State is LayerState.Transferring or LayerState.Unpacking;

    /// <summary>Nothing more will happen to it.</summary>
    public bool IsSettled(ProgressWords words) => State is LayerState.Unpacked or LayerState.Mounted
        || (!words.Unpacks && State is (LayerState.Existed or LayerState.Transferred));

    /// <summary>True when <see cref="State"/> is another than before.</summary>
    public bool Apply(ProgressEvent happened)
    {
        LayerState before = State;
        switch (happened)
        {
            case BlobTransferred transferred when State <= LayerState.Verifying:
                Current = transferred.Current;
                State = Current >= Size ? LayerState.Verifying : LayerState.Transferring;
                break;
            case BlobCompleted when State < LayerState.Transferred:
                State = LayerState.Transferred;
                break;
            case BlobExisted when State < LayerState.Unpacking:
                State = LayerState.Existed;
                break;
            case BlobMounted mounted:
                MountedFrom = mounted.Repository;
                State = LayerState.Mounted;
                break;

            // A layer is unpacked while it arrives; until it is here, its arrival is what one waits for.
            case LayerUnpacking unpacking when State is LayerState.Transferred or LayerState.Existed or LayerState.Unpacking or LayerState.Queued:
                Current = unpacking.Bytes;
                State = LayerState.Unpacking;
                break;
            case LayerUnpacked:
                State = LayerState.Unpacked;
                break;
        }

        return State != before;
    }

    public string Status(ProgressWords words) => State switch
    {
        LayerState.Queued => words.Queued,
        LayerState.Transferring => words.Transferring,
        LayerState.Verifying => words.Verifying,
        LayerState.Transferred => words.Transferred,
        LayerState.Unpacking => "Extracting",
        LayerState.Unpacked => words.Unpacked,
        LayerState.Existed => words.Existed,
        LayerState.Mounted => "Mounted from " + MountedFrom,
        _ => "",
    };

    private static string ShortId(Digest digest)
    {
        string text = digest.ToString();
        int start = text.IndexOf(':', StringComparison.Ordinal) + 1;
        return text.Substring(start, Math.Min(IdLength, text.Length - start));
    }
}
