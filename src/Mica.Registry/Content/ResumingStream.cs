using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// The bytes of a blob from one offset to another, unverified. When the connection is cut the next read goes on where the
/// last one stopped, over a new connection, as often as that brings progress.
/// </summary>
internal sealed class ResumingStream(BlobFetch fetch, long offset, long end) : ReadOnlyStream
{
    /// <summary>So many bytes since the last failure are progress. Less would let a host keep us busy for ever.</summary>
    private const int Progress = 64 << 10;

    private readonly Attempts _attempts = fetch.CreateAttempts();
    private readonly long _start = offset;
    private long _position = offset;
    private long _sinceFailure;
    private BlobBody? _body;
    private bool _ended;

    public override long Length => end - _start;

    public override long Position { get => _position - _start; set => throw new NotSupportedException(); }

    /// <summary>Opens the first body, so that what is missing is known now. True when it is the part that was asked for.</summary>
    public async Task<bool> StartAsync(CancellationToken cancellationToken)
    {
        _body = await fetch.OpenAsync(_position, end, _attempts, cancellationToken);
        return _body.IsPart;
    }

    /// <summary>The same stream, but to the end of the blob: its body holds everything.</summary>
    public ResumingStream WithEnd(long newEnd)
    {
        var whole = new ResumingStream(fetch, _position, newEnd) { _body = _body };
        _body = null;
        return whole;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_position < end && buffer.Length > 0)
        {
            RegistryException failure;
            try
            {
                _body ??= await fetch.OpenAsync(_position, end, _attempts, cancellationToken);
                int count = await _body.ReadAsync(buffer.Length <= end - _position ? buffer : buffer[..(int)(end - _position)], cancellationToken);
                if (count > 0)
                {
                    Advance(count);
                    return count;
                }

                failure = _body.Cut($"ended after {_position} of {fetch.Descriptor.Size} bytes", inner: null);
            }
            catch (RegistryException error) when (error.IsTransient)
            {
                failure = error;
            }

            Drop();
            _sinceFailure = 0;
            await fetch.RecoverAsync(failure, _attempts, cancellationToken);
        }

        if (!_ended && buffer.Length > 0)
        {
            _ended = true;
            await CheckEndAsync(cancellationToken);
        }

        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Drop();
        }

        base.Dispose(disposing);
    }

    private void Advance(int count)
    {
        _position += count;
        _sinceFailure += count;
        if (_sinceFailure >= Progress)
        {
            _attempts.Progressed();
        }
    }

    /// <summary>A body that did not say how long it is may go on; then it is not the blob.</summary>
    private async ValueTask CheckEndAsync(CancellationToken cancellationToken)
    {
        if (_body is { HasLength: false } && end == fetch.Descriptor.Size)
        {
            int more;
            try
            {
                more = await _body.ReadAsync(new byte[1], cancellationToken);
            }
            catch (RegistryException)
            {
                // Cut behind the last byte: nothing is missing.
                more = 0;
            }

            if (more > 0)
            {
                throw new RegistryException(ErrorKind.ContentMismatch,
                    $"{fetch.Origin.Request.Subject.Object}: {fetch.Origin.Request.Subject.Host} sends more than the {fetch.Descriptor.Size} bytes that its descriptor promises");
            }
        }

        Drop();
    }

    private void Drop()
    {
        _body?.Dispose();
        _body = null;
    }
}
