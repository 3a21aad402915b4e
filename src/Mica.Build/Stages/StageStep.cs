using System.Text;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Store;

namespace Mica.Build;

/// <summary>
/// One instruction that may make a layer: describes what goes into it, looks for an earlier result, else executes it and
/// keeps the result.
/// </summary>
internal sealed class StageStep(
    BuildRun run, StageRun stage, StageState state, Instruction original, string name, string slot, bool ignoresCache)
{
    /// <summary>What a step does when there is no earlier result; null: it changed nothing.</summary>
    public delegate Task<CreatedLayer?> Execution(int step);

    public BuildRun Run => run;

    public StageRun Stage => stage;

    public StageState State => state;

    public Instruction Original => original;

    public string Name => name;

    private CancellationToken Token => stage.Token;

    /// <summary>The state after the instruction, whose variables are replaced.</summary>
    public async Task<StageState> RunAsync(Instruction instruction)
    {
        int step = run.Begin(name);
        try
        {
            return await run.TimedAsync(step, () => instruction switch
            {
                WorkdirInstruction workdir => WorkdirAsync(step, workdir),
                CopyInstruction copy => CopyAsync(step, copy.Transfer, copy.From, "COPY", unpacks: false),
                AddInstruction add => AddAsync(step, add),
                RunInstruction command => new RunStep(this, command).RunAsync(step),
                _ => throw new MicaException(ErrorKind.Unsupported, $"{instruction.Name} is not supported"),
            });
        }
        catch (MicaException failure) when (failure is not DockerfileException and not StepFailedException)
        {
            throw new StepFailedException(failure.Message, ExcerptText(), "", null, failure) { StepName = name };
        }
    }

    public string ExcerptText() => Excerpt.Of(run.Options.Dockerfile.Source, original.Lines);

    /// <summary>The inputs that all steps have.</summary>
    public StepInputs NewInputs(string kind, bool dependsOnLayersBelow)
    {
        var inputs = new StepInputs();
        inputs.Add("instruction", kind);
        inputs.Add("platform", run.Options.Platform.ToString());
        if (dependsOnLayersBelow)
        {
            inputs.Add("layers below", state.Chain);
        }

        if (run.Options.Epoch is { } epoch)
        {
            inputs.Add("SOURCE_DATE_EPOCH", epoch.ToUnixTimeSeconds().ToString(null, null));
            if (run.Options.KeepsFileTimes)
            {
                inputs.Add("rewrite-timestamp", "false");
            }
        }

        return inputs;
    }

    /// <summary>The earlier result of the same inputs, or a new one; and the state with it.</summary>
    public Task<StageState> ResolveAsync(int step, StepInputs inputs, StageState after, string history, Execution execute) =>
        ResolveAsync(step, null, () => Task.FromResult(inputs), after, history, execute);

    /// <summary>
    /// The same for a step that takes files of stages or images: when <paramref name="quick"/>, which names their layers, is
    /// known already, the files are not looked at; else <paramref name="describe"/> does.
    /// </summary>
    public async Task<StageState> ResolveAsync(
        int step, StepInputs? quick, Func<Task<StepInputs>> describe, StageState after, string history, Execution execute)
    {
        Digest? alias = quick?.Finish().Key;
        if (alias is { } quickKey && await FindAsync(step, quickKey) is { } same)
        {
            return After(after, same with { Alias = alias }, history);
        }

        (string json, Digest key) = (await describe()).Finish();
        if (await FindAsync(step, key) is { } known)
        {
            await AddAliasAsync(alias, key);
            return After(after, known with { Alias = alias }, history);
        }

        if (run.Options.Explain)
        {
            BuildRecord? before = await run.Store.Builds.LatestAsync(slot, Token);
            run.Report(new StepExplained(step, before is null ? "this step was not built before"
                : ignoresCache ? "the cache is not used"
                : StepInputs.Compare(before.Inputs, json) ?? "its earlier result is gone"));
        }

        CreatedLayer? layer = await execute(step);
        foreach (string notice in layer?.Notices ?? [])
        {
            run.Report(new StepNotice(step, notice));
        }

        DateTimeOffset created = run.Options.Epoch ?? run.Time.GetUtcNow();
        var record = new BuildRecord { Key = key, Slot = slot, Description = name, Inputs = json, Layer = layer?.Descriptor, DiffId = layer?.DiffId, Alias = alias, Created = created };
        await run.Store.Builds.AddAsync(record, Token);
        await AddAliasAsync(alias, key);
        run.Count(wasCached: false);
        return After(after, record, history);
    }

    /// <summary>The time that new files bear.</summary>
    public UnixTime Now() => new((run.Options.Epoch ?? run.Time.GetUtcNow()).ToUnixTimeSeconds(), 0);

    /// <summary>The latest time that files may bear; null for any.</summary>
    public UnixTime? Latest => run.Options is { Epoch: { } epoch, KeepsFileTimes: false } ? new UnixTime(epoch.ToUnixTimeSeconds(), 0) : null;

    private async Task<BuildRecord?> FindAsync(int step, Digest key)
    {
        if (ignoresCache || (await run.Store.Builds.FindAsync(key, run.Lease, Token) ?? await ImportedAsync(step, key)) is not { } known)
        {
            return null;
        }

        run.Report(new StepCached(step));
        run.Count(wasCached: true);
        return known;
    }

    private Task AddAliasAsync(Digest? alias, Digest key) =>
        alias is { } quickKey ? run.Store.Builds.AddAliasAsync(quickKey, key, Token) : Task.CompletedTask;

    /// <summary>A result that another machine made, brought here.</summary>
    private async Task<BuildRecord?> ImportedAsync(int step, Digest key)
    {
        if (run.Imported is null || await run.Imported.FindAsync(
            key, slot, new SynchronousProgress(moved => run.Report(new StepProgress(step, moved))), Token) is not { } found)
        {
            return null;
        }

        if (run.Options.Explain)
        {
            run.Report(new StepNotice(step, $"its result comes from {found.Origin}"));
        }

        await run.Store.Builds.AddAsync(found.Record, Token);
        return await run.Store.Builds.FindAsync(found.Record.Key, run.Lease, Token);
    }

    private StageState After(StageState state, BuildRecord record, string history)
    {
        run.Results.Add(record);
        StageState after = record is { Layer: { } layer, DiffId: { } diffId } ? state with { Layers = state.Layers.Add((layer, diffId)) } : state;
        after = after with { LastChange = record.Created, Results = after.Results.Add(record) };
        return after with { History = after.History.Add(StageRun.Entry(after, history, isEmpty: record.DiffId is null)) };
    }

    private async Task<StageState> WorkdirAsync(int step, WorkdirInstruction workdir)
    {
        string path = GlobPath.Clean(workdir.Path.StartsWith('/') ? workdir.Path : $"{state.WorkingDirectory}/{workdir.Path}");
        StageState after = state.With(state.Container with { WorkingDir = path });
        StepInputs inputs = NewInputs("WORKDIR", dependsOnLayersBelow: true);
        inputs.Add("path", path);
        inputs.Add("user", state.Container.User ?? "");
        return await ResolveAsync(step, inputs, after, $"WORKDIR {path}", async _ =>
        {
            using LayerStack below = await StackAsync();
            LinuxPath target = below.Resolve(new LinuxPath(path[1..]));
            if (target.IsEmpty || below.Find(target) is { Kind: FileKind.Directory })
            {
                return null;
            }

            // What is new belongs to the user that the next steps run as.
            (uint uid, uint gid) = state.Container.User is { Length: > 0 } user ? Ownership.Owner(new StackTree(below, "the image"), user) : (0, 0);
            return await run.Workspace.AddArchiveAsync(archive => new LayerArchive(archive, below, Now(), uid, gid).Directory(target), Latest, Token);
        });
    }

    private async Task<StageState> CopyAsync(int step, FileTransfer transfer, string? from, string kind, bool unpacks)
    {
        StepSource source = transfer.Paths.Any() || from is not null ? await stage.SourceAsync(from, original) : StepSource.Nothing;
        StepInputs Define()
        {
            StepInputs inputs = NewInputs(kind, dependsOnLayersBelow: !transfer.Link);
            CopyStep.Define(inputs, transfer, state.WorkingDirectory, unpacks);
            return inputs;
        }

        StepInputs? quick = null;
        if (source.Chain is { } chain)
        {
            quick = Define();
            quick.Add("layers of the source", chain);
        }

        CopyStep? copy = null;
        return await ResolveAsync(step, quick, async () =>
        {
            copy = new CopyStep(transfer, await source.OpenAsync(), state.WorkingDirectory, unpacks, run.Options.PortableModes);
            StepInputs inputs = Define();
            await Task.Run(() => copy.Describe(inputs, Token), Token);
            return inputs;
        }, state, History(kind, transfer), async _ =>
        {
            using LayerStack? below = transfer.Link ? null : await StackAsync();
            return await run.Workspace.AddArchiveAsync(archive => copy!.Write(archive, below, Now(), Token), Latest, Token);
        });
    }

    private async Task<StageState> AddAsync(int step, AddInstruction add)
    {
        if (add.Transfer.Paths.FirstOrDefault(RemoteSource.IsRemote) is null)
        {
            return await CopyAsync(step, add.Transfer, null, "ADD", add.Unpack ?? true);
        }

        return await new RemoteSource(this, add).RunAsync(step);
    }

    /// <summary>A stack of the layers so far, for the caller to dispose.</summary>
    public async Task<LayerStack> StackAsync() => new(await run.TreesAsync(state, Token), LayerWorkspace.WhiteoutForm);

    /// <summary>As docker's history shows it.</summary>
    public static string History(string kind, FileTransfer transfer)
    {
        var text = new StringBuilder(kind);
        foreach ((string flag, string? value) in (ReadOnlySpan<(string, string?)>)[("chown", transfer.Owner), ("chmod", transfer.Mode)])
        {
            text.Append(value is null ? "" : $" --{flag}={value}");
        }

        foreach (TransferSource source in transfer.Sources)
        {
            text.Append(' ').Append(source is PathSource path ? path.Path : "<<" + ((InlineSource)source).File.Name);
        }

        return text.Append(' ').Append(transfer.Destination).Append(" # buildkit").ToString();
    }
}
