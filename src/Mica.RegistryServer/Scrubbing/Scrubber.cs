using Mica.Oci;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Scrubbing;

/// <summary>
/// Reads what is stored again, and compares it with its digest. What is damaged is not served any more, and counts as not
/// there, so that the next push of it brings good bytes. It is looked at again each day, in case somebody put the bytes back.
/// Removes bytes that nothing leads to.
/// </summary>
internal sealed partial class Scrubber(
    MetadataDatabase metadata, IBlobStorage storage, TimeSpan period, RegistryMetrics metrics, TimeProvider time, ILogger<Scrubber> log)
{
    private const long Batch = 100;
    private const long BytesPerSecond = 32 << 20;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private MetadataDatabase Metadata => metadata;

    private IBlobStorage Storage => storage;

    private RegistryMetrics Metrics => metrics;

    /// <summary>EIO. Other failures are of this process or this moment, not of the bytes.</summary>
    private const int InputOutputError = 5;

    private TimeProvider Time => time;

    private ILogger Log => log;

    /// <summary>What is due: slowly, so that nobody who pulls notices.</summary>
    public async Task<ScrubReport> RunDueAsync(CancellationToken cancellationToken)
    {
        var round = new Round(this, isPaced: true);
        await round.BlobsAsync(Now - (long)period.TotalMilliseconds, cancellationToken);
        if (await BeginAsync("scrub of manifests", period, cancellationToken))
        {
            await round.ManifestsAsync(cancellationToken);
        }

        if (await BeginAsync("scrub of orphans", s_day, cancellationToken))
        {
            await round.OrphansAsync(cancellationToken);
        }

        return round.Report;
    }

    /// <summary>Everything, as fast as it goes.</summary>
    public async Task<ScrubReport> RunAllAsync(CancellationToken cancellationToken)
    {
        var round = new Round(this, isPaced: false);

        // Also what was checked by a clock that was ahead of ours.
        long last = await metadata.ReadAsync(static session => session.NumberAsync("SELECT MAX(checked) FROM blobs"), cancellationToken);
        await round.BlobsAsync(Math.Max(Now, last), cancellationToken);
        await round.ManifestsAsync(cancellationToken);
        await round.OrphansAsync(cancellationToken);
        return round.Report;
    }

    private Task<bool> BeginAsync(string pass, TimeSpan interval, CancellationToken cancellationToken) => metadata.WriteAsync(
        session => ScrubRows.BeginAsync(session, pass, Now - (long)interval.TotalMilliseconds, Now), cancellationToken);

    [LoggerMessage(Level = LogLevel.Error, Message = "{What}: {Reason}; it is not served until it is pushed again")]
    private static partial void Damaged(ILogger log, string what, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "{What} was damaged and is whole again")]
    private static partial void Mended(ILogger log, string what);

    /// <summary>One run and what it finds.</summary>
    private sealed class Round(Scrubber owner, bool isPaced)
    {
        public ScrubReport Report { get; private set; } = new();

        public async Task BlobsAsync(long checkedBefore, CancellationToken cancellationToken)
        {
            while (true)
            {
                long now = owner.Now;
                List<ScrubbedBlob> due = await owner.Metadata.ReadAsync(
                    session => ScrubRows.DueAsync(session, checkedBefore, Math.Min(checkedBefore + 1, now) - (long)s_day.TotalMilliseconds, Batch),
                    cancellationToken);
                foreach (ScrubbedBlob blob in due)
                {
                    // Behind the limit even if the clock stands still.
                    await BlobAsync(blob, Math.Max(now, checkedBefore + 1), cancellationToken);
                }

                if (due.Count < Batch)
                {
                    return;
                }
            }
        }

        public async Task ManifestsAsync(CancellationToken cancellationToken)
        {
            (long repository, string digest) = (0, "");
            while (await owner.Metadata.ReadAsync(
                session => ScrubRows.ManifestsAsync(session, repository, digest, Batch), cancellationToken) is { Count: > 0 } manifests)
            {
                foreach (ScrubbedManifest manifest in manifests)
                {
                    bool isDamaged = Digest.Of(manifest.Digest.Algorithm, manifest.Content) != manifest.Digest;
                    if (isDamaged != manifest.IsDamaged)
                    {
                        await owner.Metadata.WriteAsync(
                            async session => { await ScrubRows.MarkAsync(session, manifest, isDamaged); }, cancellationToken);
                    }

                    Note($"{manifest.Name}: manifest {manifest.Digest}", isDamaged ? "its content has another digest" : null, manifest.IsDamaged);
                    Report = Report with { Manifests = Report.Manifests + 1 };
                }

                (repository, digest) = (manifests[^1].Repository, manifests[^1].Digest.ToString());
                await PauseAsync(cancellationToken);
            }
        }

        /// <summary>Bytes that a crash, or a replacement of damaged ones, has left: a day old at least, since uploads begin with bytes.</summary>
        public async Task OrphansAsync(CancellationToken cancellationToken)
        {
            const int Sample = 1000, Few = 16;
            DateTimeOffset before = owner.Time.GetUtcNow() - s_day;
            var orphans = new List<string>();
            int looked = 0;
            bool isTrusted = false;
            await foreach ((string key, DateTimeOffset changed) in owner.Storage.ListAsync(cancellationToken))
            {
                if (changed >= before)
                {
                    continue;
                }

                looked++;
                if (!await owner.Metadata.ReadAsync(session => ScrubRows.IsKnownAsync(session, key), cancellationToken))
                {
                    orphans.Add(key);
                }

                if (isTrusted || looked == Sample)
                {
                    await RemoveAsync();
                }
            }

            await RemoveAsync();

            async Task RemoveAsync()
            {
                // Where most bytes are unknown the metadata is another registry's, or new: then they are all that is left.
                if (!isTrusted && orphans.Count > Few && 2 * orphans.Count > looked)
                {
                    throw new MicaException(
                        ErrorKind.Conflict,
                        $"the metadata knows nothing of {orphans.Count} of {looked} old blobs in the storage; are they of one registry? no orphan is removed");
                }

                isTrusted = true;
                foreach (string key in orphans)
                {
                    await owner.Storage.RemoveAsync(key, cancellationToken);
                    Report = Report with { Orphans = Report.Orphans + 1 };
                }

                orphans.Clear();
            }
        }

        private async Task BlobAsync(ScrubbedBlob blob, long claim, CancellationToken cancellationToken)
        {
            if (!await owner.Metadata.WriteAsync(session => ScrubRows.ClaimAsync(session, blob, blob.Checked, claim), cancellationToken))
            {
                return;
            }

            string? reason;
            try
            {
                // A mismatch may come of the memory that the bytes went through: it has to show twice.
                reason = await ReasonAsync(blob, cancellationToken) is null ? null : await ReasonAsync(blob, cancellationToken);
            }
            catch
            {
                // It was not checked; the storage does not answer, or this process ends.
                await owner.Metadata.WriteAsync(
                    async session => { await ScrubRows.ClaimAsync(session, blob, claim, blob.Checked); }, CancellationToken.None);
                throw;
            }

            owner.Metrics.BlobsChecked.Add(1);
            Report = Report with { Blobs = Report.Blobs + 1, Bytes = Report.Bytes + blob.Size };
            if ((reason is null) == blob.IsDamaged
                && !await owner.Metadata.WriteAsync(session => ScrubRows.MarkAsync(session, blob, reason is not null), cancellationToken))
            {
                // It was removed while it was read.
                return;
            }

            Note($"blob {blob.Digest}", reason, blob.IsDamaged);
            await PauseAsync(cancellationToken);
        }

        /// <summary>What is wrong with the bytes; null when they are whole.</summary>
        private async Task<string?> ReasonAsync(ScrubbedBlob blob, CancellationToken cancellationToken)
        {
            try
            {
                Stream bytes = await owner.Storage.OpenAsync(blob.StorageKey, 0, blob.Size, cancellationToken);
                await using Stream read = isPaced ? new PacedStream(bytes, BytesPerSecond, owner.Time) : bytes;
                return await ContentHash.OfAsync(read, blob.Digest.Algorithm, cancellationToken) == blob.Digest ? null : "its bytes have another digest";
            }
            catch (MicaException missing) when (missing.Kind == ErrorKind.NotFound)
            {
                // With the whole storage away no blob is damaged.
                await owner.Storage.ProbeAsync(cancellationToken);
                return "its bytes are missing";
            }
            catch (MicaException cut) when (cut.Kind == ErrorKind.ContentMismatch)
            {
                return "its bytes are cut";
            }
            catch (IOException error) when ((error.HResult & 0xffff) == InputOutputError)
            {
                return $"its bytes cannot be read ({Printable.Of(error.Message)})";
            }
        }

        private void Note(string what, string? reason, bool wasDamaged)
        {
            if (reason is not null)
            {
                Report = Report with { Damaged = Report.Damaged.Add($"{what}: {reason}") };
            }

            if (reason is not null && !wasDamaged)
            {
                owner.Metrics.BlobsDamaged.Add(1);
                Damaged(owner.Log, what, reason);
            }
            else if (reason is null && wasDamaged)
            {
                Mended(owner.Log, what);
            }
        }

        private Task PauseAsync(CancellationToken cancellationToken) =>
            isPaced ? Task.Delay(s_pause, owner.Time, cancellationToken) : Task.CompletedTask;
    }
}
