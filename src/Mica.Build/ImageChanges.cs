using System.Collections.Immutable;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Build;

/// <summary>Instructions of a Dockerfile that change a config and nothing else: <c>--change</c> of commit and import.</summary>
public static class ImageChanges
{
    private const string Allowed = "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR";

    /// <summary>The config after <paramref name="changes"/>.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not such an instruction.</exception>
    public static ImageConfig Apply(ImageConfig config, IReadOnlyCollection<string> changes)
    {
        if (changes.Count == 0)
        {
            return config;
        }

        DockerfileDocument document;
        try
        {
            document = DockerfileDocument.Parse($"FROM scratch\n{string.Join('\n', changes)}\n", "--change");
        }
        catch (DockerfileException failure)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"invalid --change: {failure.Message}", failure);
        }

        InstructionExpander expander = new(document.Directives.EscapeCharacter);
        BuildArguments arguments = new(ImmutableDictionary<string, string>.Empty, Platform.Current, Platform.Current, null);
        StageState state = new() { Config = config, Scope = VariableScope.Empty };
        foreach (string line in config.Config?.Env ?? [])
        {
            string[] pair = line.Split('=', 2);
            state = state with { Scope = state.Scope.WithEnvironment(pair[0], pair.Length > 1 ? pair[1] : "") };
        }

        foreach (Instruction instruction in document.Stages[0].Instructions.Select(original => expander.Expand(original, state.Scope).Instruction))
        {
            state = instruction is WorkdirInstruction workdir
                ? state.With(state.Container with { WorkingDir = GlobPath.Clean(workdir.Path.StartsWith('/') ? workdir.Path : $"{state.WorkingDirectory}/{workdir.Path}") })
                : instruction is not (ArgInstruction or MaintainerInstruction or ShellInstruction)
                    && ConfigInstructions.Apply(state, instruction, arguments, VariableScope.Empty) is { } applied
                    ? applied.State
                    : throw new MicaException(ErrorKind.InvalidArgument, $"invalid --change: line {instruction.Lines.Start - 1} is none of {Allowed}");
        }

        return state.Config;
    }
}
