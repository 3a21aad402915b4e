namespace Mica.RegistryServer.Blobs;

/// <summary>
/// How large the parts of a multipart upload are: 8 MiB at first, growing evenly so that 10,000 of them have room for the
/// largest blob. By its number alone, so that two requests that bring the same bytes make the same parts.
/// </summary>
internal sealed class PartSizes(long maxBlobSize)
{
    private const int Mebibyte = 1 << 20;
    private const int First = 8;

    /// <summary>How many MiB the last part has more than the first: half of that on average.</summary>
    private readonly long _growth = Math.Max(
        0, ((((maxBlobSize / Mebibyte) + 1 - ((long)First * S3UploadState.MaxParts)) * 2) / (S3UploadState.MaxParts - 1)) + 3);

    /// <summary>The size of the part behind <paramref name="parts"/> others, a whole number of MiB.</summary>
    public int After(int parts) => checked((int)((First + (_growth * parts / S3UploadState.MaxParts)) * Mebibyte));

    public int Largest => After(S3UploadState.MaxParts - 1);
}
