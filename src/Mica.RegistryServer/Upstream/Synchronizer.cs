using System.Collections.Immutable;
using Mica.Oci;
using Mica.Registry;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Protocol;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Upstream;

/// <summary>What a run of sync did.</summary>
public sealed record SyncReport
{
    /// <summary>Tags that were copied here, or moved.</summary>
    public int Copied { get; init; }

    /// <summary>Tags that stand for the same as over there.</summary>
    public int Unchanged { get; init; }

    /// <summary>Tags, or whole repositories, that could not be copied; the log says why, and the next run tries again.</summary>
    public int Failed { get; init; }
}

/// <summary>
/// Copies repositories of other registries here: whole images, with all platforms and what refers to them. A tag that did not
/// move costs one HEAD; once a day it is looked at for new referrers, which move no tag. Tags that are gone over there stay.
/// </summary>
internal sealed partial class Synchronizer : IAsyncDisposable
{
    private const string Who = "sync";
    private const int MaxReferrerDepth = 3;
    private const int MaxReferrers = 1000;

    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_referrers = TimeSpan.FromDays(1);

    private readonly ImmutableArray<SyncJob> _jobs;
    private readonly ManifestStore _manifests;
    private readonly BlobStore _blobs;
    private readonly Uploads _uploads;
    private readonly AccessPolicy _access;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _running = new(1);

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: an entry of the options cannot be.</exception>
    public Synchronizer(
        RegistryServerOptions options, ManifestStore manifests, BlobStore blobs, Uploads uploads, AccessPolicy access,
        ILogger<Synchronizer> log)
    {
        (_manifests, _blobs, _uploads, _access, _time, _log) = (manifests, blobs, uploads, access, options.Time, log);
        _jobs = [.. options.Sync.Select(entry => new SyncJob(entry, options.UpstreamClient, options.Time))];
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>How often a run is to be tried, so that each entry runs in time.</summary>
    public TimeSpan Interval => _jobs.Min(job => job.Interval) is var shortest && shortest < s_poll ? shortest : s_poll;

    /// <summary>Runs the entries that are due, or all of them, after a run that is under way.</summary>
    public async Task<SyncReport> RunAsync(bool isAll, CancellationToken cancellationToken)
    {
        await _running.WaitAsync(cancellationToken);
        try
        {
            var report = new SyncReport();
            foreach (SyncJob job in _jobs.Where(job => isAll || Now >= job.Next))
            {
                bool withReferrers = Now >= job.NextReferrers;
                SyncReport done = await RunAsync(job, withReferrers, cancellationToken);
                job.Next = Now + (long)job.Interval.TotalMilliseconds;
                job.NextReferrers = withReferrers && done.Failed == 0 ? Now + (long)s_referrers.TotalMilliseconds : job.NextReferrers;
                Done(_log, job.Host, done.Copied, done.Unchanged, done.Failed);
                report = Add(report, done);
            }

            return report;
        }
        finally
        {
            _running.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (SyncJob job in _jobs)
        {
            await job.DisposeAsync();
        }

        _running.Dispose();
    }

    private static SyncReport Add(SyncReport left, SyncReport right) => new()
    {
        Copied = left.Copied + right.Copied,
        Unchanged = left.Unchanged + right.Unchanged,
        Failed = left.Failed + right.Failed,
    };

    private async Task<SyncReport> RunAsync(SyncJob job, bool withReferrers, CancellationToken cancellationToken)
    {
        var report = new SyncReport();
        foreach ((ImageReference remote, string name) in job.Repositories)
        {
            RegistryRepository source = job.Open(remote);
            try
            {
                var tags = new List<string>();
                await foreach (string tag in source.TagsAsync(cancellationToken))
                {
                    tags.Add(tag);
                }

                foreach (string tag in tags.Where(job.Wants))
                {
                    report = Add(report, await TryAsync(job, source, name, tag, withReferrers, cancellationToken));
                }
            }
            catch (MicaException error)
            {
                Failed(_log, job.Host, name, error.Message);
                report = report with { Failed = report.Failed + 1 };
            }
        }

        return report;
    }

    private async Task<SyncReport> TryAsync(
        SyncJob job, RegistryRepository source, string name, string tag, bool withReferrers, CancellationToken cancellationToken)
    {
        try
        {
            bool isNew = await CopyAsync(job, source, name, tag, withReferrers, cancellationToken);
            return isNew ? new SyncReport { Copied = 1 } : new SyncReport { Unchanged = 1 };
        }
        catch (Exception error) when (error is MicaException or RefusedException or IOException)
        {
            Failed(_log, job.Host, $"{name}:{tag}", error.Message);
            return new SyncReport { Failed = 1 };
        }
    }

    /// <summary>Copies what the tag stands for; false when that is here.</summary>
    private async Task<bool> CopyAsync(
        SyncJob job, RegistryRepository source, string name, string tag, bool withReferrers, CancellationToken cancellationToken)
    {
        if (await source.ResolveAsync(tag, cancellationToken) is not { } there)
        {
            // It was in the list a moment ago.
            return false;
        }

        var target = new RepositoryTarget(name, Who, owner => MayLink(job, owner), _manifests, _blobs, _uploads);
        Descriptor? here = await target.ResolveAsync(tag, cancellationToken);
        bool isHere = here?.Digest == there.Digest && await target.IsWholeAsync(there.Digest, cancellationToken);
        if (isHere && !withReferrers)
        {
            return false;
        }

        var options = new ContentCopyOptions
        {
            MountFrom = static _ => "",
            Include = static (_, child) => !MediaTypes.IsNondistributable(child.MediaType),
        };
        using var copy = new ContentCopy(source, target, options, progress: null);
        if (!isHere)
        {
            await copy.CopyAsync(there, cancellationToken);
        }

        // The tag comes last, so that what failed before it is tried again.
        await CopyReferrersAsync(source, copy, target, there.Digest, cancellationToken);
        if (!isHere)
        {
            await target.TagAsync(there, tag, cancellationToken);
        }

        return !isHere;
    }

    /// <summary>What refers to the image, to its platforms, and to those referrers in turn.</summary>
    private static async Task CopyReferrersAsync(
        RegistryRepository source, ContentCopy copy, RepositoryTarget target, Digest root, CancellationToken cancellationToken)
    {
        ImmutableArray<Digest> subjects = await target.DocumentsAsync(root, cancellationToken);
        var seen = subjects.ToHashSet();
        for (int depth = 0; depth < MaxReferrerDepth && !subjects.IsEmpty; depth++)
        {
            var next = new List<Digest>();
            foreach (Digest subject in subjects)
            {
                foreach (Descriptor referrer in await source.ReferrersAsync(subject, artifactType: null, cancellationToken))
                {
                    if (seen.Count < MaxReferrers && MediaTypes.IsDocument(referrer.MediaType) && seen.Add(referrer.Digest))
                    {
                        await copy.CopyAsync(referrer, cancellationToken);
                        next.Add(referrer.Digest);
                    }
                }
            }

            subjects = [.. next];
        }
    }

    /// <summary>As for pulls: nothing that only some may read becomes readable because a manifest from elsewhere names it.</summary>
    private bool MayLink(SyncJob job, string owner) =>
        job.Repositories.Any(repository => repository.Name == owner) || _access.Allows(Principal.Anonymous, owner, Rights.Read);

    [LoggerMessage(Level = LogLevel.Information, Message = "sync of {Registry}: {Copied} tags copied, {Unchanged} unchanged, {Failed} failed")]
    private static partial void Done(ILogger log, string registry, int copied, int unchanged, int failed);

    [LoggerMessage(Level = LogLevel.Warning, Message = "sync of {Registry}: {Name}: {Reason}")]
    private static partial void Failed(ILogger log, string registry, string name, string reason);
}
