using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>An instruction after expansion, and the variables it met.</summary>
public sealed record ExpandedInstruction(Instruction Instruction, ImmutableHashSet<string> Used, ImmutableHashSet<string> Undefined);

/// <summary>
/// Replaces the variables of an instruction where the language does so: in ADD, ARG, COPY, ENV, EXPOSE, FROM, LABEL, STOPSIGNAL,
/// USER, VOLUME and WORKDIR. RUN, CMD, ENTRYPOINT and the rest keep theirs for the shell; mounts of a RUN are expanded by
/// <see cref="Mounts"/>. Inherited triggers of ONBUILD are instructions like others when they run.
/// </summary>
/// <param name="escape">The file's escape character.</param>
public sealed class InstructionExpander(char escape)
{
    private readonly ShellLexer _lexer = new(escape);
    private readonly ShellLexer _heredocs = new(escape) { PlainQuotes = true };

    /// <summary>
    /// The instruction with the values from <paramref name="scope"/>, which does not have what the instruction itself sets. FROM
    /// gets the scope of the global arguments.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: broken syntax, or <c>${name:?message}</c> has no value.</exception>
    public ExpandedInstruction Expand(Instruction instruction, VariableScope scope)
    {
        var use = new VariableUse();
        Instruction expanded = instruction switch
        {
            FromInstruction stage => stage with { BaseName = Word(stage.BaseName), Platform = stage.Platform is null ? null : Word(stage.Platform) },
            ArgInstruction argument => argument with
            {
                Arguments = [.. argument.Arguments.Select(one => new ArgumentDeclaration(Word(one.Name), one.Default is null ? null : Word(one.Default)))],
            },
            EnvInstruction environment => environment with { Variables = Pairs(environment.Variables) },
            LabelInstruction label => label with { Labels = Pairs(label.Labels) },
            ExposeInstruction expose => expose with { Ports = [.. expose.Ports.SelectMany(port => _lexer.Expand(port, scope, use).Words)] },
            VolumeInstruction volume => volume with { Paths = [.. volume.Paths.Select(Word)] },
            UserInstruction user => user with { User = Word(user.User) },
            WorkdirInstruction workdir => workdir with { Path = Word(workdir.Path) },
            StopSignalInstruction signal => signal with { Signal = Word(signal.Signal) },
            CopyInstruction copy => copy with { Transfer = Transfer(copy.Transfer) },
            AddInstruction add => add with { Transfer = Transfer(add.Transfer), Checksum = add.Checksum is null ? null : Word(add.Checksum) },
            _ => instruction,
        };
        return new ExpandedInstruction(expanded, use.Used, use.Undefined);

        string Word(string text) => _lexer.Expand(text, scope, use).Text;

        ImmutableArray<NamedValue> Pairs(ImmutableArray<NamedValue> pairs) =>
            [.. pairs.Select(pair => new NamedValue(Word(pair.Name), Word(pair.Value)))];

        FileTransfer Transfer(FileTransfer transfer) => transfer with
        {
            Sources = [.. transfer.Sources.Select(Source)],
            Destination = Word(transfer.Destination),
            Owner = transfer.Owner is null ? null : Word(transfer.Owner),
            Mode = transfer.Mode is null ? null : Word(transfer.Mode),
            Exclude = [.. transfer.Exclude.Select(Word)],
        };

        TransferSource Source(TransferSource source) => source switch
        {
            PathSource path => new PathSource(Word(path.Path)),
            InlineSource { File.Expand: true } inline =>
                new InlineSource(inline.File with { Content = _heredocs.Expand(inline.File.Content, scope, use).Text }),
            _ => source,
        };
    }

    /// <summary>The mounts of a RUN with the values from <paramref name="scope"/>.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a valid mount with these values.</exception>
    public ImmutableArray<RunMount> Mounts(RunInstruction run, VariableScope scope) =>
        [.. run.Options.Mounts.Select(mount => mount.Resolve(text => _lexer.Expand(text, scope).Text))];
}
