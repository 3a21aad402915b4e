using System.Collections.Immutable;
using System.Net;
using System.Runtime.CompilerServices;
using Amazon.S3;
using Amazon.S3.Model;

namespace Mica.RegistryServer.Blobs;

/// <summary>The objects below a prefix of a bucket, by their keys as the registry knows them.</summary>
internal sealed class S3Objects(S3Requests requests, string prefix) : IDisposable
{
    public string NameOf(string key) => prefix + key;

    public Task PutAsync(string key, PartBuffer bytes, CancellationToken cancellationToken) => requests.SendAsync(
        "writing an object",
        bytes.Length,
        async (client, token) =>
        {
            await using Stream stream = bytes.OpenRead();
            return await client.PutObjectAsync(
                new PutObjectRequest
                {
                    BucketName = requests.Bucket,
                    Key = NameOf(key),
                    InputStream = stream,
                    ContentType = "application/octet-stream",
                    // Every store takes one signed body; the pieces that are signed one by one are Amazon's.
                    UseChunkEncoding = false,
                    AutoCloseStream = false,
                },
                token);
        },
        cancellationToken);

    /// <summary>Begins a multipart upload; tells its name.</summary>
    public async Task<string> BeginAsync(string key, CancellationToken cancellationToken)
    {
        InitiateMultipartUploadResponse answer = await requests.SendAsync(
            "beginning an upload",
            0,
            (client, token) => client.InitiateMultipartUploadAsync(
                new InitiateMultipartUploadRequest { BucketName = requests.Bucket, Key = NameOf(key), ContentType = "application/octet-stream" }, token),
            cancellationToken);
        return answer.UploadId;
    }

    /// <summary>Uploads a part; tells its entity tag.</summary>
    public async Task<string> PutPartAsync(string key, string multipart, int number, PartBuffer bytes, CancellationToken cancellationToken)
    {
        UploadPartResponse answer = await requests.SendAsync(
            "writing a part",
            bytes.Length,
            async (client, token) =>
            {
                await using Stream stream = bytes.OpenRead();
                return await client.UploadPartAsync(
                    new UploadPartRequest
                    {
                        BucketName = requests.Bucket,
                        Key = NameOf(key),
                        UploadId = multipart,
                        PartNumber = number,
                        PartSize = bytes.Length,
                        InputStream = stream,
                        UseChunkEncoding = false,
                    },
                    token);
            },
            cancellationToken);
        return answer.ETag;
    }

    /// <summary>Makes one object of the parts.</summary>
    public Task FinishAsync(string key, string multipart, ImmutableArray<string> parts, CancellationToken cancellationToken) => requests.SendAsync(
        "completing an upload",
        // The store may copy all of it before it answers.
        (long)parts.Length * PartMemory.BlockSize,
        (client, token) => client.CompleteMultipartUploadAsync(
            new CompleteMultipartUploadRequest
            {
                BucketName = requests.Bucket,
                Key = NameOf(key),
                UploadId = multipart,
                PartETags = [.. parts.Select(static (tag, index) => new PartETag(index + 1, tag))],
            },
            token),
        cancellationToken);

    public async Task AbortAsync(string key, string multipart, CancellationToken cancellationToken)
    {
        try
        {
            await requests.SendAsync(
                "abandoning an upload",
                0,
                (client, token) => client.AbortMultipartUploadAsync(
                    new AbortMultipartUploadRequest { BucketName = requests.Bucket, Key = NameOf(key), UploadId = multipart }, token),
                cancellationToken);
        }
        catch (AmazonS3Exception error) when (error.StatusCode is HttpStatusCode.NotFound)
        {
            // It has ended already.
        }
    }

    /// <summary>The object's size; null when there is none.</summary>
    public async Task<long?> SizeAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            GetObjectMetadataResponse answer = await requests.SendAsync(
                "looking at an object",
                0,
                (client, token) => client.GetObjectMetadataAsync(
                    new GetObjectMetadataRequest { BucketName = requests.Bucket, Key = NameOf(key) }, token),
                cancellationToken);
            return answer.ContentLength;
        }
        catch (AmazonS3Exception error) when (error.StatusCode is HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    public Task<S3ReadStream> OpenAsync(string key, long offset, long length, CancellationToken cancellationToken) =>
        new S3ReadStream(requests, NameOf(key), key, offset, length).BeginAsync(cancellationToken);

    /// <summary>Removes the object; there may be none.</summary>
    public Task DeleteAsync(string key, CancellationToken cancellationToken) => requests.SendAsync(
        "removing an object",
        0,
        (client, token) => client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = requests.Bucket, Key = NameOf(key) }, token),
        cancellationToken);

    public async IAsyncEnumerable<(string Key, DateTimeOffset Changed)> ListAsync(
        string start, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? next = null;
        do
        {
            string? from = next;
            ListObjectsV2Response page = await requests.SendAsync(
                "listing objects",
                0,
                (client, token) => client.ListObjectsV2Async(
                    new ListObjectsV2Request { BucketName = requests.Bucket, Prefix = NameOf(start), ContinuationToken = from }, token),
                cancellationToken);
            foreach (S3Object entry in page.S3Objects ?? [])
            {
                yield return (entry.Key[prefix.Length..], new DateTimeOffset((entry.LastModified ?? default).ToUniversalTime()));
            }

            next = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (next is not null);
    }

    /// <summary>Multipart uploads that have begun and not ended.</summary>
    public async IAsyncEnumerable<(string Key, string Multipart)> ListUnfinishedAsync(
        string start, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        (string? Key, string? Upload) next = default;
        do
        {
            (string? Key, string? Upload) from = next;
            ListMultipartUploadsResponse page = await requests.SendAsync(
                "listing uploads",
                0,
                (client, token) => client.ListMultipartUploadsAsync(
                    new ListMultipartUploadsRequest
                    {
                        BucketName = requests.Bucket,
                        Prefix = NameOf(start),
                        KeyMarker = from.Key,
                        UploadIdMarker = from.Upload,
                    },
                    token),
                cancellationToken);
            foreach (MultipartUpload entry in page.MultipartUploads ?? [])
            {
                yield return (entry.Key[prefix.Length..], entry.UploadId);
            }

            next = page.IsTruncated == true ? (page.NextKeyMarker, page.NextUploadIdMarker) : default;
        }
        while (next.Key is not null);
    }

    /// <summary>An address by which anybody may read the object until <paramref name="expires"/>.</summary>
    public Task<string> SignAsync(string key, DateTimeOffset expires, bool isPlain) => requests.SignAsync(new GetPreSignedUrlRequest
    {
        BucketName = requests.Bucket,
        Key = NameOf(key),
        Expires = expires.UtcDateTime,
        Verb = HttpVerb.GET,
        Protocol = isPlain ? Amazon.S3.Protocol.HTTP : Amazon.S3.Protocol.HTTPS,
    });

    public void Dispose() => requests.Dispose();
}
