using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>
/// An instruction with its arguments understood; each kind is a sealed record. Values are as written, before variables are
/// replaced: <see cref="InstructionExpander"/> does that.
/// </summary>
public abstract record Instruction(InstructionSyntax Syntax)
{
    /// <summary>Where it stands, here-documents included.</summary>
    public LineRange Lines => Syntax.Lines;

    /// <summary>The keyword in upper case.</summary>
    public string Name => Syntax.Name;
}

/// <summary>A name with a value.</summary>
public sealed record NamedValue(string Name, string Value);

/// <summary>An argument that ARG declares; without default it may get a value from outside.</summary>
public sealed record ArgumentDeclaration(string Name, string? Default);

/// <summary><c>FROM [--platform=P] BASE [AS NAME]</c>. Begins a stage.</summary>
/// <param name="Syntax">As it is written.</param>
/// <param name="BaseName">An image, an earlier stage or <c>scratch</c>.</param>
/// <param name="StageName">In lower case; null when the stage has none.</param>
/// <param name="Platform">As written; null when the flag is not given.</param>
public sealed record FromInstruction(InstructionSyntax Syntax, string BaseName, string? StageName, string? Platform) : Instruction(Syntax);

/// <summary><c>ARG NAME[=DEFAULT] …</c>.</summary>
public sealed record ArgInstruction(InstructionSyntax Syntax, ImmutableArray<ArgumentDeclaration> Arguments) : Instruction(Syntax);

/// <summary><c>ENV NAME=VALUE …</c>, or the old <c>ENV NAME VALUE</c>.</summary>
public sealed record EnvInstruction(InstructionSyntax Syntax, ImmutableArray<NamedValue> Variables, bool IsLegacyForm) : Instruction(Syntax);

/// <summary><c>LABEL NAME=VALUE …</c>.</summary>
public sealed record LabelInstruction(InstructionSyntax Syntax, ImmutableArray<NamedValue> Labels, bool IsLegacyForm) : Instruction(Syntax);

/// <summary><c>MAINTAINER NAME</c>: the image's author.</summary>
public sealed record MaintainerInstruction(InstructionSyntax Syntax, string Author) : Instruction(Syntax);

/// <summary><c>EXPOSE PORT[-PORT][/PROTOCOL] …</c>, read further by <see cref="ExposedPorts"/> after expansion.</summary>
public sealed record ExposeInstruction(InstructionSyntax Syntax, ImmutableArray<string> Ports) : Instruction(Syntax);

/// <summary><c>VOLUME PATH …</c>, in shell or JSON form.</summary>
public sealed record VolumeInstruction(InstructionSyntax Syntax, ImmutableArray<string> Paths) : Instruction(Syntax);

/// <summary><c>USER USER[:GROUP]</c>.</summary>
public sealed record UserInstruction(InstructionSyntax Syntax, string User) : Instruction(Syntax);

/// <summary><c>WORKDIR PATH</c>; relative to the one before.</summary>
public sealed record WorkdirInstruction(InstructionSyntax Syntax, string Path) : Instruction(Syntax);

/// <summary><c>STOPSIGNAL SIGNAL</c>: a name or a number.</summary>
public sealed record StopSignalInstruction(InstructionSyntax Syntax, string Signal) : Instruction(Syntax);

/// <summary><c>SHELL ["…", …]</c>: what shell forms run with from here on.</summary>
public sealed record ShellInstruction(InstructionSyntax Syntax, ImmutableArray<string> Words) : Instruction(Syntax);

/// <summary><c>CMD</c>; an empty command clears the inherited one.</summary>
public sealed record CmdInstruction(InstructionSyntax Syntax, CommandLine Command) : Instruction(Syntax);

/// <summary><c>ENTRYPOINT</c>.</summary>
public sealed record EntrypointInstruction(InstructionSyntax Syntax, CommandLine Command) : Instruction(Syntax);

/// <summary><c>HEALTHCHECK NONE</c> or <c>HEALTHCHECK [options] CMD …</c>.</summary>
/// <param name="Syntax">As it is written.</param>
/// <param name="Command">Null for NONE, which turns an inherited check off.</param>
/// <param name="Options">Those that are given.</param>
public sealed record HealthcheckInstruction(InstructionSyntax Syntax, CommandLine? Command, HealthcheckOptions Options) : Instruction(Syntax);

/// <summary><c>ONBUILD INSTRUCTION</c>: kept in the image for builds from it.</summary>
/// <param name="Syntax">As it is written.</param>
/// <param name="Trigger">The text that the config keeps.</param>
/// <param name="Inner">What it means; checked here, used by builds from the image.</param>
public sealed record OnBuildInstruction(InstructionSyntax Syntax, string Trigger, Instruction Inner) : Instruction(Syntax);

/// <summary><c>RUN [flags] COMMAND</c>.</summary>
public sealed record RunInstruction(InstructionSyntax Syntax, CommandLine Command, RunOptions Options) : Instruction(Syntax);

/// <summary><c>COPY [flags] SOURCE … DESTINATION</c>.</summary>
/// <param name="Syntax">As it is written.</param>
/// <param name="Transfer">Sources, destination and the flags of both.</param>
/// <param name="From">A stage's name or number, an image or a named context; null is the build context.</param>
public sealed record CopyInstruction(InstructionSyntax Syntax, FileTransfer Transfer, string? From) : Instruction(Syntax);

/// <summary><c>ADD [flags] SOURCE … DESTINATION</c>: sources may be URLs, git repositories and archives too.</summary>
/// <param name="Syntax">As it is written.</param>
/// <param name="Transfer">Sources, destination and the flags of both.</param>
/// <param name="Checksum">Of the URL's content, or the commit of the repository.</param>
/// <param name="KeepGitDir">Keeps <c>.git</c> of a repository; null when not given.</param>
/// <param name="Unpack">Whether archives are unpacked; null leaves the default: local ones are, those from URLs are not.</param>
public sealed record AddInstruction(InstructionSyntax Syntax, FileTransfer Transfer, string? Checksum, bool? KeepGitDir, bool? Unpack) : Instruction(Syntax);
