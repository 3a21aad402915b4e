using System.Collections.Immutable;
using System.Globalization;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Build;

/// <summary>
/// Makes one layer of those that a build has added to its base. The layers stay in the store for the cache; the one that
/// stands for them is a build record too, so that it is made once.
/// </summary>
internal sealed class Squash(BuildRun run, StageState state)
{
    private readonly int _kept = state.BaseImage?.Layers ?? 0;

    /// <summary>The state with the one layer; as it is when there are not two to make one of.</summary>
    public async Task<StageState> RunAsync(CancellationToken cancellationToken)
    {
        int count = state.Layers.Length - _kept;
        if (count < 2)
        {
            return state;
        }

        string name = string.Create(CultureInfo.InvariantCulture, $"squash {count} layers into one");
        int step = run.Begin(name);
        return await run.TimedAsync(step, async () =>
        {
            (Descriptor Blob, Digest DiffId) layer = await FindAsync(step, name, cancellationToken);
            return state with { Layers = [.. state.Layers[.._kept], (layer.Blob, layer.DiffId)], History = History(count) };
        });
    }

    private async Task<(Descriptor Blob, Digest DiffId)> FindAsync(int step, string name, CancellationToken cancellationToken)
    {
        var inputs = new StepInputs();
        inputs.Add("instruction", "squash");
        inputs.Add("layers below", (state with { Layers = state.Layers[.._kept] }).Chain);
        inputs.Add("layers", string.Join(' ', state.DiffIds.Skip(_kept)));
        (string json, Digest key) = inputs.Finish();
        if (!run.Options.NoCache && await run.Store.Builds.FindAsync(key, run.Lease, cancellationToken) is { Layer: { } known, DiffId: { } diffId })
        {
            run.Report(new StepCached(step));
            return (known, diffId);
        }

        await (state.Base?.BringAsync() ?? Task.CompletedTask);
        ImmutableArray<string> below = await run.Store.TreesAsync([.. state.DiffIds.Take(_kept)], cancellationToken);
        ImmutableArray<string> added = await run.Store.TreesAsync([.. state.DiffIds.Skip(_kept)], cancellationToken);
        bool hidesAll = !below.IsEmpty && (await run.Store.TreesAsync(state.DiffIds, cancellationToken)).Length == added.Length;
        using var belowStack = new LayerStack(below, LayerWorkspace.WhiteoutForm);
        using var addedStack = new LayerStack(added, LayerWorkspace.WhiteoutForm);
        CreatedLayer created = await run.Workspace.AddArchiveAsync(
            archive => new SquashedLayer(addedStack, belowStack, archive, cancellationToken).Write(hidesAll), latest: null, cancellationToken);
        await run.Store.Builds.AddAsync(new BuildRecord
        {
            Key = key,
            Slot = $"{run.Options.DockerfileId}#squash#{run.Options.Platform}",
            Description = name,
            Inputs = json,
            Layer = created.Descriptor,
            DiffId = created.DiffId,
            Created = run.Options.Epoch ?? run.Time.GetUtcNow(),
        }, cancellationToken);
        return (created.Descriptor, created.DiffId);
    }

    /// <summary>The steps stay, without layers of their own; docker's comment names the image that would have been, and the base.</summary>
    private ImmutableArray<HistoryEntry> History(int count)
    {
        int kept = state.BaseImage?.History ?? 0;
        var whole = Digest.Of(ImageAssembly.Config(run, state).ToJson());
        return
        [
            .. state.History[..kept],
            .. state.History[kept..].Select(entry => entry with { EmptyLayer = true }),
            StageRun.Entry(state, string.Create(CultureInfo.InvariantCulture, $"squash {count} layers"), isEmpty: false) with
            {
                Comment = state.BaseImage is { } image ? $"merge {whole} to {image.Id}" : $"create new from {whole}",
            },
        ];
    }
}
