using Mica.Oci;

namespace Mica.Build;

/// <summary>Tells at once, on the thread that reports.</summary>
internal sealed class SynchronousProgress(Action<ProgressEvent> report) : IProgress<ProgressEvent>
{
    public void Report(ProgressEvent value) => report(value);
}
