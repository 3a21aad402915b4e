namespace Mica.Build;

/// <summary>
/// The layers of an image that a build begins with. They are brought when the first step is executed on them, or for the
/// result: a step whose result is there needs none.
/// </summary>
internal sealed class BaseLayers(bool areHere, Func<Task> bring)
{
    private readonly Lazy<Task> _brought = new(bring);

    /// <summary>Completes when their blobs are here.</summary>
    public Task BringBlobsAsync() => areHere ? Task.CompletedTask : _brought.Value;

    /// <summary>Completes when they are unpacked.</summary>
    public Task BringAsync() => _brought.Value;
}
