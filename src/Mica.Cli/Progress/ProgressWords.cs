namespace Mica.Cli.Progress;

/// <summary>
/// What the states of a layer are called, in docker's words for the operation. <paramref name="Unpacks"/>: a layer that is
/// here may still have to be unpacked. <paramref name="Heading"/>: what is said of an image that was found at its source.
/// </summary>
internal sealed record ProgressWords(
    bool Unpacks, string Queued, string Transferring, string Verifying, string Transferred, string Unpacked, string Existed,
    string? Heading = null)
{
    public static ProgressWords Pull { get; } =
        new(true, "Pulling fs layer", "Downloading", "Verifying Checksum", "Download complete", "Pull complete", "Already exists", "Pulling from");

    public static ProgressWords Push { get; } =
        new(false, "Preparing", "Pushing", "Pushing", "Pushed", "Pushed", "Layer already exists");

    public static ProgressWords Load { get; } =
        new(true, "Waiting", "Loading layer", "Verifying Checksum", "Loaded", "Loaded", "Already exists");

    public static ProgressWords Save { get; } =
        new(false, "Waiting", "Saving", "Saving", "Saved", "Saved", "Already exists");

    public static ProgressWords Copy { get; } =
        new(false, "Waiting", "Copying", "Verifying Checksum", "Copied", "Copied", "Already exists");
}
