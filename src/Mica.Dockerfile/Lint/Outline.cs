using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>Finds what a build of one target takes.</summary>
public sealed class Outline
{
    private readonly DockerfileDocument _document;
    private readonly BuildArguments _values;
    private readonly VariableScope _global;
    private readonly InstructionExpander _expander;
    private readonly List<OutlineArgument> _arguments = [];
    private readonly Dictionary<string, OutlineMount> _secrets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OutlineMount> _agents = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OutlineMount> _caches = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly Dictionary<int, VariableScope> _environments = [];

    private Outline(DockerfileDocument document, BuildArguments values)
    {
        _document = document;
        _values = values;
        _global = values.GlobalScope(document);
        _expander = new InstructionExpander(document.Directives.EscapeCharacter);
    }

    /// <summary>
    /// The outline of <paramref name="target"/> and of every stage that it is based on or takes files from. Values are those that
    /// <paramref name="arguments"/> and the defaults give.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: an argument or mount is broken with these values.</exception>
    public static OutlineReport Of(DockerfileDocument document, Stage target, BuildArguments arguments)
    {
        var outline = new Outline(document, arguments);
        foreach (Stage stage in StageGraph.Needed(document, target, outline._global))
        {
            outline.AddStage(stage);
        }

        outline.AddGlobalArguments();
        return new OutlineReport(document.Source, target.Name, target.Description)
        {
            Arguments = [.. outline._arguments.OrderBy(argument => argument.Lines.Start)],
            Secrets = Sorted(outline._secrets),
            Agents = Sorted(outline._agents),
            Caches = Sorted(outline._caches),
        };
    }

    private void AddStage(Stage stage)
    {
        ExpandedInstruction begin = _expander.Expand(stage.From, _global);
        _used.UnionWith(begin.Used);
        string name = ((FromInstruction)begin.Instruction).BaseName;
        VariableScope scope = _document.FindStage(name, stage.Index, byNumber: false) is { } parent ? _environments[parent.Index] : VariableScope.Empty;
        foreach (Instruction written in stage.Instructions)
        {
            switch (_expander.Expand(written, scope).Instruction)
            {
                case ArgInstruction argument:
                    foreach (ArgumentDeclaration one in argument.Arguments)
                    {
                        scope = _values.Declare(scope, one, _global);
                        _used.Add(one.Name);
                        Add(argument, one.Name, scope.Arguments[one.Name]);
                    }

                    break;
                case EnvInstruction environment:
                    scope = environment.Variables.Aggregate(scope, (before, variable) => before.WithEnvironment(variable.Name, variable.Value));
                    break;
                case RunInstruction run:
                    foreach (RunMount mount in _expander.Mounts(run, scope))
                    {
                        Add(run, mount);
                    }

                    break;
            }
        }

        _environments[stage.Index] = scope.WithoutArguments();
    }

    private void AddGlobalArguments()
    {
        foreach (ArgInstruction argument in _document.GlobalArguments)
        {
            foreach (ArgumentDeclaration one in argument.Arguments.Where(one => _used.Contains(one.Name)))
            {
                Add(argument, one.Name, _global.TryGet(one.Name, out string? value) ? value : null);
            }
        }
    }

    private void Add(ArgInstruction argument, string name, string? value)
    {
        string? description = Comments.DescriptionOf(argument.Syntax.Comments, name);
        int existing = _arguments.FindIndex(one => one.Name == name);
        if (existing < 0)
        {
            _arguments.Add(new OutlineArgument(name, value, description, argument.Lines));
        }
        else if (argument.Lines.Start < _arguments[existing].Lines.Start)
        {
            // Declared globally and again in a stage: it is one argument, of the first place.
            OutlineArgument known = _arguments[existing];
            _arguments[existing] = known with { Lines = argument.Lines, Description = description ?? known.Description };
        }
    }

    private void Add(RunInstruction run, RunMount mount)
    {
        switch (mount)
        {
            case SecretMount secret:
                Add(_secrets, secret.Id, secret.Required, run.Lines);
                break;
            case SshMount agent:
                Add(_agents, agent.Id, agent.Required, run.Lines);
                break;
            case CacheMount cache:
                Add(_caches, cache.Id ?? cache.Target, required: false, run.Lines);
                break;
        }
    }

    private static void Add(Dictionary<string, OutlineMount> mounts, string id, bool required, LineRange lines) =>
        mounts[id] = mounts.TryGetValue(id, out OutlineMount? known) ? known with { Required = known.Required || required } : new OutlineMount(id, required, lines);

    private static ImmutableArray<OutlineMount> Sorted(Dictionary<string, OutlineMount> mounts) => [.. mounts.Values.OrderBy(mount => mount.Lines.Start)];
}
