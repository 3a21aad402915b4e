using Amazon.S3;
using Amazon.S3.Model;
using Mica.Oci;

namespace Mica.RegistryServer.Blobs;

/// <summary>Bytes of an object. A connection that breaks or stands still is replaced by one for the rest.</summary>
internal sealed class S3ReadStream(S3Requests requests, string key, string name, long offset, long length) : Stream
{
    private GetObjectResponse? _response;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position == length || buffer.Length == 0)
        {
            return 0;
        }

        for (int attempt = 1; ; attempt++)
        {
            try
            {
                _response ??= await OpenAsync(cancellationToken);
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                deadline.CancelAfter(requests.Patience.Timeout);
                int most = (int)Math.Min(buffer.Length, length - _position);
                int read = await _response.ResponseStream.ReadAsync(buffer[..most], deadline.Token);
                if (read > 0)
                {
                    _position += read;
                    return read;
                }

                throw new IOException("the answer of the store ended too soon");
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested && S3Requests.IsPassing(error))
            {
                _response?.Dispose();
                _response = null;
                if (attempt >= requests.Patience.Attempts)
                {
                    throw requests.Unavailable($"reading {name}", error);
                }
            }

            await requests.WaitAsync(attempt, cancellationToken);
        }
    }

    /// <summary>Asks for the first bytes now, so that a missing object is known before anything is answered.</summary>
    public async Task<S3ReadStream> BeginAsync(CancellationToken cancellationToken)
    {
        if (length > 0)
        {
            _response = await OpenAsync(cancellationToken);
        }

        return this;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _response?.Dispose();
        base.Dispose(disposing);
    }

    private async Task<GetObjectResponse> OpenAsync(CancellationToken cancellationToken)
    {
        var request = new GetObjectRequest
        {
            BucketName = requests.Bucket,
            Key = key,
            // Always a range: of a whole object the SDK takes the entity tag for its MD5, which it need not be.
            ByteRange = new ByteRange(offset + _position, offset + length - 1),
        };
        try
        {
            return await requests.SendAsync($"reading {name}", 0, (client, token) => client.GetObjectAsync(request, token), cancellationToken);
        }
        catch (AmazonS3Exception error) when (error.ErrorCode is "NoSuchKey" || error.StatusCode is System.Net.HttpStatusCode.NotFound)
        {
            throw new MicaException(ErrorKind.NotFound, $"the bytes of blob {name} are missing", error);
        }
        catch (AmazonS3Exception error) when (error.StatusCode is System.Net.HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"blob {name} is shorter than it should be", error);
        }
    }
}
