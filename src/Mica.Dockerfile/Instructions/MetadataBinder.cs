using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>The instructions that only change the image's config.</summary>
internal static class MetadataBinder
{
    public static Instruction? BindEnv(BindingContext context) =>
        Pairs(context, out bool legacy) is { } variables ? new EnvInstruction(context.Syntax, variables, legacy) : null;

    public static Instruction? BindLabel(BindingContext context) =>
        Pairs(context, out bool legacy) is { } labels ? new LabelInstruction(context.Syntax, labels, legacy) : null;

    public static Instruction? BindMaintainer(BindingContext context) =>
        One(context) is { } author ? new MaintainerInstruction(context.Syntax, author) : null;

    public static Instruction? BindUser(BindingContext context) =>
        One(context) is { } user ? new UserInstruction(context.Syntax, user) : null;

    public static Instruction? BindWorkdir(BindingContext context) =>
        One(context) is { } path ? new WorkdirInstruction(context.Syntax, path) : null;

    public static Instruction? BindStopSignal(BindingContext context) =>
        One(context) is { } signal ? new StopSignalInstruction(context.Syntax, signal) : null;

    public static Instruction? BindExpose(BindingContext context)
    {
        context.CheckFlags([]);
        ImmutableArray<ArgumentWord> words = ArgumentWords.Plain(context.Arguments);
        return words.IsEmpty
            ? context.Fail("EXPOSE requires at least one argument")
            : new ExposeInstruction(context.Syntax, [.. words.Select(word => word.Text)]);
    }

    public static Instruction? BindVolume(BindingContext context)
    {
        context.CheckFlags([]);
        JsonForm.Kind kind = JsonForm.Parse(context.Arguments, out ImmutableArray<string> paths);
        if (kind == JsonForm.Kind.Mixed)
        {
            return context.FailAt(JsonForm.OnlyStrings, new ArgumentWord(context.Arguments, 0));
        }

        if (kind == JsonForm.Kind.None)
        {
            paths = [.. ArgumentWords.Plain(context.Arguments).Select(word => word.Text)];
        }

        paths = [.. paths.Select(path => path.Trim())];
        return paths.IsEmpty ? context.Fail("VOLUME requires at least one argument")
            : paths.Contains("") ? context.Fail("VOLUME specified can not be an empty string")
            : new VolumeInstruction(context.Syntax, paths);
    }

    private static string? One(BindingContext context)
    {
        context.CheckFlags([]);
        if (context.Arguments.Length > 0)
        {
            return context.Arguments;
        }

        context.Fail($"{context.Name} requires exactly one argument");
        return null;
    }

    private static ImmutableArray<NamedValue>? Pairs(BindingContext context, out bool legacy)
    {
        legacy = false;
        context.CheckFlags([]);
        ImmutableArray<ArgumentWord> words = ArgumentWords.Quoted(context.Arguments, context.Escape);
        if (words.IsEmpty)
        {
            context.Fail($"{context.Name} requires at least one argument");
            return null;
        }

        if (!words[0].Text.Contains('=', StringComparison.Ordinal))
        {
            legacy = true;
            string[] parts = context.Arguments.Split((char[]?)null, 2);
            if (parts.Length == 2)
            {
                return [new NamedValue(parts[0], parts[1].TrimStart())];
            }

            context.FailAt($"{context.Name} must have two arguments", words[0]);
            return null;
        }

        ImmutableArray<NamedValue>.Builder pairs = ImmutableArray.CreateBuilder<NamedValue>();
        foreach (ArgumentWord word in words)
        {
            int equals = word.Text.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                context.FailAt($"Syntax error - can't find = in \"{word.Text}\". Must be of the form: name=value", word);
            }
            else if (equals == 0)
            {
                context.FailAt($"{context.Name} names can not be blank", word);
            }
            else
            {
                pairs.Add(new NamedValue(word.Text[..equals], word.Text[(equals + 1)..]));
            }
        }

        return pairs.ToImmutable();
    }
}
