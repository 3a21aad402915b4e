using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>SHELL, CMD and ENTRYPOINT, and the two forms of commands.</summary>
internal static class CommandBinder
{
    public static Instruction? BindShell(BindingContext context)
    {
        context.CheckFlags([]);
        return JsonForm.Parse(context.Arguments, out ImmutableArray<string> words) switch
        {
            _ when context.Arguments.Length == 0 => context.Fail("SHELL requires at least one argument"),
            JsonForm.Kind.Strings when words.IsEmpty => context.Fail("SHELL requires at least one argument"),
            JsonForm.Kind.Strings => new ShellInstruction(context.Syntax, words),
            _ => context.FailAt("SHELL requires the arguments to be in JSON form", new ArgumentWord(context.Arguments, 0)),
        };
    }

    public static Instruction? BindCmd(BindingContext context)
    {
        context.CheckFlags([]);
        return Command(context, context.Arguments) is { } command ? new CmdInstruction(context.Syntax, command) : null;
    }

    public static Instruction? BindEntrypoint(BindingContext context)
    {
        context.CheckFlags([]);
        return Command(context, context.Arguments) is { } command ? new EntrypointInstruction(context.Syntax, command) : null;
    }

    /// <summary>Exec form when the text is a JSON array of strings, else shell form; null when it is an array of something else.</summary>
    public static CommandLine? Command(BindingContext context, string text)
    {
        switch (JsonForm.Parse(text, out ImmutableArray<string> words))
        {
            case JsonForm.Kind.Strings:
                return new ExecCommand(words);
            case JsonForm.Kind.Mixed:
                int offset = Math.Max(0, context.Arguments.IndexOf('[', StringComparison.Ordinal));
                context.FailAt(JsonForm.OnlyStrings, new ArgumentWord(context.Arguments[offset..], offset));
                return null;
            default:
                return new ShellCommand(text);
        }
    }
}
