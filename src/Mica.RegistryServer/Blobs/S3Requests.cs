using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Mica.Oci;

namespace Mica.RegistryServer.Blobs;

/// <summary>How long a store is waited for.</summary>
internal sealed record S3Patience
{
    /// <summary>How often a request is sent at most.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>How long one may take, without the time for its bytes.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>A connection that brings fewer bytes a second is taken for broken.</summary>
    public double MinRate { get; init; } = 1 << 20;

    /// <summary>Before the second one; doubled each time, and shortened at random.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>When no further one is sent.</summary>
    public TimeSpan Most { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>Requests to one bucket: sent again when the store is busy, broken or slow, and given up in the end.</summary>
internal sealed class S3Requests(IAmazonS3 client, string bucket, S3Patience patience) : IDisposable
{
    public string Bucket => bucket;

    public S3Patience Patience => patience;

    public static AmazonS3Client CreateClient(S3Options options)
    {
        var settings = new AmazonS3Config
        {
            AuthenticationRegion = options.Region,
            // Checksums of newer kinds are not understood by every store; the signature covers the content anyway.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            MaxErrorRetry = 0,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        if (options.Endpoint is { } endpoint)
        {
            settings.ServiceURL = endpoint.AbsoluteUri;
            settings.ForcePathStyle = true;
        }
        else
        {
            settings.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(options.Region);
        }

        if (options.AccessKey is null)
        {
            return new AmazonS3Client(settings);
        }

        if (options.SecretKeyFile is null)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "s3 has an access key and no file with the secret key");
        }

        try
        {
            return new AmazonS3Client(new BasicAWSCredentials(options.AccessKey, File.ReadAllText(options.SecretKeyFile).Trim()), settings);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.NotFound, $"{options.SecretKeyFile}: the secret key of s3 cannot be read", error);
        }
    }

    /// <summary>Sends a request until it is answered.</summary>
    /// <param name="what">What it is for, in a message.</param>
    /// <param name="bytes">How many bytes it carries.</param>
    /// <param name="request">Sends it once; must be able to do so again.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="AmazonS3Exception">The store says that what is asked for is not there, or wrong.</exception>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unavailable"/>: it was not answered in time.</exception>
    public async Task<T> SendAsync<T>(
        string what, long bytes, Func<IAmazonS3, CancellationToken, Task<T>> request, CancellationToken cancellationToken)
    {
        long started = TimeProvider.System.GetTimestamp();
        for (int attempt = 1; ; attempt++)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(patience.Timeout + TimeSpan.FromSeconds(bytes / patience.MinRate));
            try
            {
                return await request(client, deadline.Token);
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested && IsPassing(error))
            {
                if (attempt >= patience.Attempts || TimeProvider.System.GetElapsedTime(started) > patience.Most)
                {
                    throw Unavailable(what, error);
                }
            }
            catch (AmazonServiceException error) when (IsRefusal(error))
            {
                throw new MicaException(ErrorKind.PermissionDenied, $"s3 bucket {bucket}: {what}: {Reason(error)}", error);
            }

            await WaitAsync(attempt, cancellationToken);
        }
    }

    /// <summary>Waits before the next attempt.</summary>
    public Task WaitAsync(int attempt, CancellationToken cancellationToken) => Task.Delay(
        patience.Delay * ((1 << Math.Min(attempt - 1, 5)) * (0.5 + (Random.Shared.NextDouble() / 2))), cancellationToken);

    public MicaException Unavailable(string what, Exception error) =>
        new(ErrorKind.Unavailable, $"s3 bucket {bucket}: {what}: {Reason(error)}", error);

    /// <summary>The store may do the same the next time.</summary>
    public static bool IsPassing(Exception error) => error switch
    {
        AmazonServiceException { StatusCode: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout } => true,
        AmazonServiceException { ErrorCode: "SlowDown" or "RequestTimeout" or "InternalError" or "ServiceUnavailable" or "Throttling"
            or "OperationAborted" or "BadDigest" or "IncompleteBody" } => true,
        AmazonServiceException { StatusCode: 0 } => true,
        AmazonServiceException => false,
        AmazonClientException or HttpRequestException or IOException or OperationCanceledException => true,
        _ => false,
    };

    public Task<string> SignAsync(GetPreSignedUrlRequest request) => client.GetPreSignedURLAsync(request);

    public void Dispose() => client.Dispose();

    private static bool IsRefusal(AmazonServiceException error) =>
        error.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized || error.ErrorCode is "NoSuchBucket";

    /// <summary>Never the store's own sentence: it may quote the request that was signed.</summary>
    private static string Reason(Exception error) => error switch
    {
        AmazonServiceException { ErrorCode: { Length: > 0 } code } => Printable.Of(code),
        AmazonServiceException { StatusCode: not 0 } service => $"status {(int)service.StatusCode}",
        OperationCanceledException => "no answer in time",
        _ => "cannot be reached",
    };
}
