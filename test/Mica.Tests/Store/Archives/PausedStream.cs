namespace Mica.Tests.Store.Archives;

/// <summary>Delivers its content only after it was told to go on; says when the first read has come.</summary>
internal sealed class PausedStream(byte[] content) : MemoryStream(content, writable: false)
{
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _resumed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Started => _started.Task;

    public void Resume() => _resumed.SetResult();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _started.TrySetResult();
        await _resumed.Task.WaitAsync(cancellationToken);
        return Read(buffer.Span);
    }
}
