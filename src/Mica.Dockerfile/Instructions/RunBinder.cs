using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>RUN.</summary>
internal static class RunBinder
{
    public static Instruction? Bind(BindingContext context)
    {
        context.CheckFlags(["mount", "network", "security", "device"], "mount", "device");
        CommandLine? command = Command(context);
        if (command is { IsEmpty: true })
        {
            return context.Fail("RUN requires at least one argument");
        }

        var options = new RunOptions
        {
            Mounts = Mounts(context),
            Network = Choice(context, "network", "invalid network mode", ("default", RunNetwork.Default), ("none", RunNetwork.None), ("host", RunNetwork.Host)),
            Security = Choice(context, "security", "invalid security mode", ("sandbox", RunSecurity.Sandbox), ("insecure", RunSecurity.Insecure)),
            Devices = Devices(context),
        };
        return command is null ? null : new RunInstruction(context.Syntax, command, options);
    }

    private static CommandLine? Command(BindingContext context)
    {
        ImmutableArray<Heredoc> heredocs = context.Syntax.Heredocs;
        if (heredocs.IsEmpty)
        {
            return CommandBinder.Command(context, context.Arguments);
        }

        if (heredocs.Length == 1 && HeredocWord.TryParse(context.Arguments, out _))
        {
            return new ScriptCommand(heredocs[0]);
        }

        // The shell reads them itself, so it gets them as they are written.
        return new ShellCommand(context.Arguments + string.Concat(heredocs.Select(heredoc => "\n" + heredoc.Content + heredoc.Name)));
    }

    private static ImmutableArray<MountFlag> Mounts(BindingContext context)
    {
        ImmutableArray<MountFlag>.Builder mounts = ImmutableArray.CreateBuilder<MountFlag>();
        foreach (FlagSyntax flag in context.Syntax.Flags.Where(flag => flag.Name == "mount"))
        {
            if (flag.Value is null)
            {
                context.FailFlag("missing a value on flag: mount", flag);
                continue;
            }

            var mount = new MountFlag(flag.Value);
            mounts.Add(mount);
            try
            {
                // With variables only the keys and what has none can be told; "from" never may have any.
                mount.Check();
            }
            catch (MicaException exception)
            {
                context.FailFlag(exception.Message, flag);
            }
        }

        return mounts.ToImmutable();
    }

    private static ImmutableArray<RunDevice> Devices(BindingContext context)
    {
        ImmutableArray<RunDevice>.Builder devices = ImmutableArray.CreateBuilder<RunDevice>();
        foreach (FlagSyntax flag in context.Syntax.Flags.Where(flag => flag.Name == "device"))
        {
            string[] fields = (flag.Value ?? "").Split(',');
            string name = fields[0].StartsWith("name=", StringComparison.Ordinal) ? fields[0][5..] : fields[0];
            bool required = false;
            bool valid = name.Length > 0;
            foreach (string field in fields.Skip(1))
            {
                bool? value = field == "required" ? true : field.StartsWith("required=", StringComparison.Ordinal) ? FlagValues.ParseBool(field[9..]) : null;
                valid &= value is not null;
                required |= value == true;
            }

            if (!valid)
            {
                context.FailFlag($"invalid device \"{flag.Value}\": write NAME[,required]", flag);
            }

            devices.Add(new RunDevice(name, required));
        }

        return devices.ToImmutable();
    }

    private static T Choice<T>(BindingContext context, string name, string problem, params ReadOnlySpan<(string Text, T Value)> choices)
    {
        string? text = context.Text(name);
        List<string> texts = [];
        foreach ((string choice, T value) in choices)
        {
            if (text is null || text == choice)
            {
                return value;
            }

            texts.Add(choice);
        }

        context.FailFlag($"{problem}: \"{text}\"{Suggestion.For(text!, texts)}", context.Flag(name)!);
        return choices[0].Value;
    }
}
