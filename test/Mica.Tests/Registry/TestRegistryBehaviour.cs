namespace Mica.Tests.Registry;

/// <summary>How the test registry differs from a complete, healthy one. The defaults are the healthy one.</summary>
public sealed class TestRegistryBehaviour
{
    /// <summary>HEAD of a manifest is answered; else 405.</summary>
    public bool HeadManifests { get; set; } = true;

    /// <summary><c>Docker-Content-Digest</c> is sent.</summary>
    public bool DigestHeader { get; set; } = true;

    /// <summary>Takes the place of the right digest in that header.</summary>
    public string? WrongDigestHeader { get; set; }

    /// <summary>Range requests of blobs get 206; else the header is ignored.</summary>
    public bool Ranges { get; set; } = true;

    /// <summary>Blobs come without a Content-Length.</summary>
    public bool ChunkedBlobs { get; set; }

    /// <summary>The <c>Content-Length</c> that blobs are sent with, whatever comes after it.</summary>
    public long? LyingLength { get; set; }

    /// <summary>Each blob download of the next <see cref="Cuts"/> breaks off after so many bytes.</summary>
    public int CutDownloadsAfter { get; set; }

    /// <summary>Each upload of the next <see cref="Cuts"/> breaks off after so many bytes, which are kept.</summary>
    public int CutUploadsAfter { get; set; }

    /// <summary>How many transfers still break off.</summary>
    public int Cuts { get; set; }

    /// <summary>Blobs are answered with a 307 to this registry's <c>/store/</c>.</summary>
    public TestRegistry? Store { get; set; }

    /// <summary>The status of that redirect.</summary>
    public int RedirectStatus { get; set; } = 307;

    /// <summary><c>OCI-Chunk-Min-Length</c>, enforced.</summary>
    public int? ChunkMinLength { get; set; }

    /// <summary>Chunks (PATCH) are taken.</summary>
    public bool Chunks { get; set; } = true;

    /// <summary>Upload locations are absolute.</summary>
    public bool AbsoluteLocations { get; set; }

    /// <summary>Upload locations start so, in place of this registry's own address.</summary>
    public string? LocationPrefix { get; set; }

    /// <summary>A POST with <c>digest</c> takes the blob at once; else it opens an upload.</summary>
    public bool SinglePost { get; set; } = true;

    /// <summary>Mounts work; else they open an upload.</summary>
    public bool Mounts { get; set; } = true;

    /// <summary>There is a referrers API, and <c>OCI-Subject</c>.</summary>
    public bool Referrers { get; set; } = true;

    /// <summary>The referrers API filters by artifactType.</summary>
    public bool ReferrersFilter { get; set; } = true;

    /// <summary>Things can be deleted; else 405.</summary>
    public bool Deletes { get; set; } = true;

    /// <summary>Entries of a page, when the client asks for more or does not say.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>Links to the next page are absolute.</summary>
    public bool AbsoluteLinks { get; set; }

    /// <summary>The link to the next page leads to the same page.</summary>
    public bool LinkLoops { get; set; }

    /// <summary><c>ratelimit-*</c> headers on manifests: limit and remaining.</summary>
    public (int Limit, int Remaining)? RateLimit { get; set; }

    internal bool TakeCut()
    {
        lock (this)
        {
            return Cuts > 0 && Cuts-- > 0;
        }
    }
}
