using System.Collections.Immutable;
using System.Globalization;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Build;

/// <summary>The instructions that change an image's config and nothing else, and the history lines they leave.</summary>
internal static class ConfigInstructions
{
    /// <summary>
    /// The state after the instruction, whose variables are replaced, and its line for the history. Null: it is none of these
    /// instructions.
    /// </summary>
    public static (StageState State, string History)? Apply(StageState state, Instruction instruction, BuildArguments arguments, VariableScope global)
    {
        ContainerConfig container = state.Container;
        switch (instruction)
        {
            case EnvInstruction environment:
                foreach (NamedValue variable in environment.Variables)
                {
                    container = container with { Env = Set(container.Env, variable) };
                    state = state with { Scope = state.Scope.WithEnvironment(variable.Name, variable.Value) };
                }

                return (state.With(container), "ENV " + Pairs(environment.Variables));
            case ArgInstruction argument:
                foreach (ArgumentDeclaration declaration in argument.Arguments)
                {
                    state = state with { Scope = arguments.Declare(state.Scope, declaration, global) };
                }

                return (state, "ARG " + string.Join(' ', argument.Arguments.Select(one =>
                    state.Scope.Arguments.GetValueOrDefault(one.Name) is { } value ? $"{one.Name}={value}" : one.Name)));
            case LabelInstruction label:
                ImmutableSortedDictionary<string, string> labels = (container.Labels ?? ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal))
                    .SetItems(label.Labels.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)));
                return (state.With(container with { Labels = labels }), "LABEL " + Pairs(label.Labels));
            case MaintainerInstruction maintainer:
                return (state with { Config = state.Config with { Author = maintainer.Author } }, "MAINTAINER " + maintainer.Author);
            case ExposeInstruction expose:
                string[] ports = [.. expose.Ports.SelectMany(port => ExposedPorts.Parse(port).Keys).Order(StringComparer.Ordinal)];
                return (state.With(container with { ExposedPorts = AddAll(container.ExposedPorts, ports) }), $"EXPOSE [{string.Join(' ', ports)}]");
            case VolumeInstruction volume:
                return (state.With(container with { Volumes = AddAll(container.Volumes, volume.Paths) }), $"VOLUME [{string.Join(' ', volume.Paths)}]");
            case UserInstruction user:
                return (state.With(container with { User = user.User }), "USER " + user.User);
            case StopSignalInstruction signal:
                return (state.With(container with { StopSignal = signal.Signal }), "STOPSIGNAL " + signal.Signal);
            case ShellInstruction shell:
                return (state.With(container with { Shell = shell.Words }), $"SHELL [{string.Join(' ', shell.Words)}]");
            case CmdInstruction command:
                ImmutableArray<string> words = Words(command.Command, state.Shell);
                return (state.With(container with { Cmd = words.IsEmpty ? null : words }) with { HasOwnCommand = true }, $"CMD {Quoted(words)}");
            case EntrypointInstruction entrypoint:
                ImmutableArray<string> program = Words(entrypoint.Command, state.Shell);
                return (state.With(container with { Entrypoint = program.IsEmpty ? null : program, Cmd = state.HasOwnCommand ? container.Cmd : null }),
                    $"ENTRYPOINT {Quoted(program)}");
            case HealthcheckInstruction healthcheck:
                Healthcheck check = Check(healthcheck);
                return (state.With(container with { Healthcheck = check }), $"HEALTHCHECK &{{{Quoted(check.Test ?? [])} {Text(check.Interval)} {Text(check.Timeout)} {Text(check.StartPeriod)} {Text(check.StartInterval)} '{check.Retries ?? 0}'}}");
            case OnBuildInstruction trigger:
                return (state.With(container with { OnBuild = [.. container.OnBuild ?? [], trigger.Trigger] }), "ONBUILD " + trigger.Trigger);
            default:
                return null;
        }
    }

    /// <summary>The argument vector of a command that the image keeps.</summary>
    private static ImmutableArray<string> Words(CommandLine command, ImmutableArray<string> shell) => command switch
    {
        { IsEmpty: true } => [],
        ExecCommand exec => exec.Words,
        ShellCommand text => [.. shell, text.Text],
        ScriptCommand script => [.. shell, script.Script.Text],
        _ => throw new InvalidOperationException("a kind of command that is not known"),
    };

    private static Healthcheck Check(HealthcheckInstruction instruction) => instruction.Command is not { } command
        ? new Healthcheck { Test = ["NONE"] }
        : new Healthcheck
        {
            Test = command is ExecCommand exec ? ["CMD", .. exec.Words] : ["CMD-SHELL", ((ShellCommand)command).Text],
            Interval = Nanoseconds(instruction.Options.Interval),
            Timeout = Nanoseconds(instruction.Options.Timeout),
            StartPeriod = Nanoseconds(instruction.Options.StartPeriod),
            StartInterval = Nanoseconds(instruction.Options.StartInterval),
            Retries = instruction.Options.Retries,
        };

    private static long? Nanoseconds(TimeSpan? time) => time is { } span ? span.Ticks * 100 : null;

    private static string Text(long? nanoseconds) => $"\"{((nanoseconds ?? 0) / 1e9).ToString(CultureInfo.InvariantCulture)}s\"";

    private static ImmutableArray<string> Set(ImmutableArray<string>? environment, NamedValue variable)
    {
        string line = $"{variable.Name}={variable.Value}";
        ImmutableArray<string> lines = environment ?? [];
        for (int index = 0; index < lines.Length; index++)
        {
            if (lines[index].StartsWith(variable.Name + "=", StringComparison.Ordinal))
            {
                return lines.SetItem(index, line);
            }
        }

        return lines.Add(line);
    }

    private static ImmutableSortedDictionary<string, EmptyObject> AddAll(ImmutableSortedDictionary<string, EmptyObject>? set, IEnumerable<string> keys) =>
        (set ?? ImmutableSortedDictionary.Create<string, EmptyObject>(StringComparer.Ordinal)).SetItems(keys.Select(key => KeyValuePair.Create(key, new EmptyObject())));

    private static string Pairs(IEnumerable<NamedValue> pairs) => string.Join(' ', pairs.Select(pair => $"{pair.Name}={pair.Value}"));

    private static string Quoted(ImmutableArray<string> words) =>
        $"[{string.Join(' ', words.Select(word => $"\"{word.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\""))}]";
}
