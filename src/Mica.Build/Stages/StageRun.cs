using System.Collections.Immutable;
using System.Globalization;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Build;

/// <summary>Builds one stage: its instructions, one after the other, each on what the one before left.</summary>
internal sealed class StageRun
{
    private readonly BuildRun _run;
    private readonly Stage _stage;
    private readonly CancellationTokenSource _failed;
    private readonly string _prefix;
    private readonly int _count;
    private int _position = 1;
    private int _ordinal;

    public StageRun(BuildRun run, Stage stage, CancellationTokenSource failed)
    {
        _run = run;
        _stage = stage;
        _failed = failed;
        bool isAlone = run.Options.Dockerfile.Stages.Length == 1;
        _prefix = isAlone ? "" : (stage.Name ?? $"stage-{stage.Index.ToString(CultureInfo.InvariantCulture)}") + " ";
        _count = 1 + stage.Instructions.Count(MakesLayer);
    }

    public CancellationToken Token => _failed.Token;

    public async Task<StageState> RunAsync()
    {
        StageState state = await BaseAsync();
        IEnumerable<Instruction> triggers = (state.Container.OnBuild ?? []).Select(OnBuildTrigger.Parse);
        state = state.With(state.Container with { OnBuild = null });
        foreach (Instruction instruction in triggers.Concat(_stage.Instructions))
        {
            Token.ThrowIfCancellationRequested();
            state = await ApplyAsync(state, instruction);
        }

        return state;
    }

    /// <summary>What a name after <c>--from</c> stands for: a context, a stage before this one, or an image.</summary>
    public async Task<StepSource> SourceAsync(string? from, Instruction instruction)
    {
        BuildOptions options = _run.Options;
        if (from is null)
        {
            return options.ContextDirectory is { } directory
                ? new StepSource("context", null, () => Task.FromResult(_run.Context(directory, options.Ignored, "the build context")))
                : throw Problem(instruction, "there is no build context: give a directory in place of '-'");
        }

        StageState state;
        string name;
        if (options.Contexts.TryGetValue(from, out NamedContext? context))
        {
            if (context is DirectoryContext named)
            {
                return new StepSource($"context {from}", null, () => Task.FromResult(_run.Context(named.Directory, named.Ignored, $"context \"{from}\"")));
            }

            (state, name) = (await ImageAsync(((ImageContext)context).Reference), $"context \"{from}\"");
        }
        else if (options.Dockerfile.FindStage(from, _stage.Index) is { } stage)
        {
            (state, name) = (await _run.StageAsync(stage, _failed), $"stage \"{from}\"");
        }
        else if (from == "scratch" || int.TryParse(from, CultureInfo.InvariantCulture, out _))
        {
            throw Problem(instruction, from == "scratch" ? "nothing can be copied from scratch" : $"invalid stage index {from}: {_stage.Index switch
            {
                0 => "there is no stage before this one",
                1 => "only stage 0 is before this one",
                _ => $"stages before this one have the numbers 0 to {_stage.Index - 1}",
            }}");
        }
        else
        {
            if (!ImageReference.TryParse(from, out ImageReference? reference))
            {
                throw Problem(instruction, $"\"{from}\" is neither a stage nor an image{Suggest(from)}");
            }

            try
            {
                (state, name) = (await ImageAsync(reference), $"image {from}");
            }
            catch (MicaException failure) when (failure is not DockerfileException and not StepFailedException)
            {
                // A registry says many things of an image that it does not have: not found, denied, or nothing when offline.
                string message = failure.Message.Contains(reference.Familiar, StringComparison.Ordinal) ? failure.Message : $"{from}: {failure.Message}";
                throw Suggest(from) is { Length: > 0 } near
                    ? Problem(instruction, $"{message}; there is no stage \"{from}\" before this one{near}")
                    : new MicaException(failure.Kind, message, failure);
            }
        }

        return new StepSource(name, state.Chain, async () => await _run.TreeAsync(state, name, Token));
    }

    public Exception Problem(Instruction instruction, string message) => instruction.Syntax.Lines.Start > 0
        ? _run.Options.Dockerfile.ProblemOf(instruction, message)
        : new MicaException(ErrorKind.InvalidArgument, message);

    private static bool MakesLayer(Instruction instruction) =>
        instruction is RunInstruction or CopyInstruction or AddInstruction or WorkdirInstruction;

    /// <summary>What the author of a <c>--from</c> may have meant: a stage that only comes later, or one of a similar name.</summary>
    private string Suggest(string name)
    {
        DockerfileDocument dockerfile = _run.Options.Dockerfile;
        return dockerfile.FindStage(name, byNumber: false) is { } later ? $" (line {later.From.Lines.Start} begins it)"
            : dockerfile.SuggestStage(name) is { } near ? $" (did you mean {near}?)" : "";
    }

    private Task<StageState> ImageAsync(ImageReference reference) =>
        _run.ImageAsync(reference, _run.Options.Platform, $"FROM {reference.Familiar}", Token);

    private async Task<StageState> BaseAsync()
    {
        BuildOptions options = _run.Options;
        var from = (FromInstruction)_run.Expander.Expand(_stage.From, _run.Global).Instruction;
        Platform platform = from.Platform is { Length: > 0 } text ? Platform.Parse(text) : options.Platform;
        if (from.BaseName.Length == 0)
        {
            throw Problem(_stage.From, $"base name ({_stage.From.BaseName}) should not be blank");
        }

        string name = $"[{_prefix}{_position}/{_count}] FROM {from.BaseName}";
        if (options.Contexts.GetValueOrDefault(from.BaseName) is { } context)
        {
            return context is ImageContext image
                ? await _run.ImageAsync(image.Reference, platform, name, Token)
                : throw Problem(_stage.From, $"context \"{from.BaseName}\" is a directory: a stage cannot begin with it");
        }

        if (options.Dockerfile.FindStage(from.BaseName, _stage.Index, byNumber: false) is { } earlier)
        {
            StageState state = await _run.StageAsync(earlier, _failed);
            return state with { Scope = state.Scope.WithoutArguments(), HasOwnCommand = false };
        }

        if (from.BaseName == "scratch")
        {
            return BaseState.Scratch(platform);
        }

        try
        {
            return await _run.ImageAsync(ImageReference.Parse(from.BaseName), platform, name, Token);
        }
        catch (MicaException failure) when (failure is not DockerfileException and not StepFailedException)
        {
            throw new StepFailedException($"{from.BaseName}: {failure.Message}", Excerpt.Of(options.Dockerfile.Source, _stage.From.Lines), "", null, failure) { StepName = name };
        }
    }

    private async Task<StageState> ApplyAsync(StageState state, Instruction original)
    {
        Instruction instruction;
        try
        {
            instruction = _run.Expander.Expand(original, state.Scope).Instruction;
            if (ConfigInstructions.Apply(state, instruction, _run.Arguments, _run.Global) is { } changed)
            {
                return changed.State with { History = state.History.Add(Entry(changed.State, changed.History, isEmpty: true)) };
            }
        }
        catch (MicaException failure) when (failure is not DockerfileException)
        {
            throw Problem(original, failure.Message);
        }

        await WaitForStagesAsync(instruction);
        _position++;
        var step = new StageStep(
            _run, this, state, original, $"[{_prefix}{_position}/{Math.Max(_count, _position)}] {Line(original)}",
            $"{_run.Options.DockerfileId}#{_stage.DisplayName}#{_ordinal++}#{_run.Options.Platform}",
            _run.Options.NoCache || (_stage.Name is { } own && _run.Options.NoCacheStages.Contains(own)));
        return await step.RunAsync(instruction);
    }

    /// <summary>A step begins when the stages are built that it takes from, so that its time is its own.</summary>
    private async Task WaitForStagesAsync(Instruction instruction)
    {
        IEnumerable<string?> names = instruction switch
        {
            CopyInstruction copy => [copy.From],
            RunInstruction run => run.Options.Mounts.Select(mount => mount.From),
            _ => [],
        };
        foreach (string name in names.OfType<string>().Where(name => !_run.Options.Contexts.ContainsKey(name)))
        {
            if (_run.Options.Dockerfile.FindStage(name, _stage.Index) is { } stage)
            {
                await _run.StageAsync(stage, _failed);
            }
        }
    }

    /// <summary>A history line; the builder's name is what docker's own has.</summary>
    public static HistoryEntry Entry(StageState state, string createdBy, bool isEmpty) => new()
    {
        Created = state.LastChange is { } time ? Time(time) : null,
        CreatedBy = createdBy,
        Comment = "buildkit.dockerfile.v0",
        EmptyLayer = isEmpty,
    };

    /// <summary>RFC 3339 as Go writes it.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    private static string Line(Instruction instruction)
    {
        string text = instruction.Syntax.ToString().ReplaceLineEndings(" ");
        return text.Length > 200 ? text[..200] + "…" : text;
    }
}
