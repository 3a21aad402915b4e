using System.Collections.Immutable;
using Mica.Oci;
using Mica.Registry;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Checks the store, and fetches what a repair could not make out of what is there.</summary>
internal sealed class StoreRepair(Engine engine, IProgress<ProgressEvent>? progress)
{
    public async Task<StoreCheckReport> RunAsync(StoreCheckOptions options, CancellationToken cancellationToken)
    {
        StoreCheckReport report = await engine.Store.CheckAsync(options, progress, cancellationToken);
        if (!options.Repair || report.Missing.IsEmpty || !await FetchAsync(report.Missing, cancellationToken))
        {
            return report;
        }

        // Only another look tells which images are whole now.
        StoreCheckReport after = await engine.Store.CheckAsync(options, progress, cancellationToken);
        IEnumerable<StoreFinding> mended = report.Findings
            .Where(before => after.Findings.All(finding => finding.Subject != before.Subject || finding.Kind != before.Kind))
            .Select(finding => finding with { IsRepaired = true });
        return after with { Findings = [.. mended, .. after.Findings] };
    }

    /// <summary>True when something came.</summary>
    private async Task<bool> FetchAsync(ImmutableArray<MissingContent> missing, CancellationToken cancellationToken)
    {
        await using StoreLease lease = await engine.Store.LeaseAsync("repair", cancellationToken);
        bool any = false;
        foreach (MissingContent content in missing)
        {
            any |= await FetchAsync(lease, content, cancellationToken);
        }

        return any;
    }

    private async Task<bool> FetchAsync(StoreLease lease, MissingContent content, CancellationToken cancellationToken)
    {
        foreach (string repository in content.Repositories)
        {
            try
            {
                ImageReference reference = ImageReference.Parse(repository).WithDigest(content.Descriptor.Digest);
                RegistryRepository source = engine.Registry.Repository(reference, progress);
                if (content.DiffId is { } diffId)
                {
                    progress?.Report(new BlobQueued(content.Descriptor));
                    await lease.FetchLayerAsync(source, content.Descriptor, diffId, progress, cancellationToken);
                }
                else
                {
                    await using Stream bytes = await source.OpenAsync(content.Descriptor, cancellationToken);
                    await lease.WriteAsync(content.Descriptor, bytes, cancellationToken);
                }

                return true;
            }
            catch (MicaException failure)
            {
                // Another repository may still have it; what none has stays in the report.
                progress?.Report(new Notice($"{content.Descriptor.Digest}: {failure.Message}"));
            }
        }

        return false;
    }
}
