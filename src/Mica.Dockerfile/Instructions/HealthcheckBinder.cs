using System.Globalization;

namespace Mica.Dockerfile;

/// <summary>HEALTHCHECK.</summary>
internal static class HealthcheckBinder
{
    public static Instruction? Bind(BindingContext context)
    {
        context.CheckFlags(["interval", "timeout", "start-period", "start-interval", "retries"]);
        string[] parts = context.Arguments.Split((char[]?)null, 2);
        string rest = parts.Length == 2 ? parts[1].TrimStart() : "";
        switch (parts[0].ToUpperInvariant())
        {
            case "":
                return context.Fail("HEALTHCHECK requires at least one argument");
            case "NONE" when rest.Length > 0:
                return context.FailAt("HEALTHCHECK NONE takes no arguments", new ArgumentWord(rest, context.Arguments.Length - rest.Length));
            case "NONE" when context.Syntax.Flags.Length > 0:
                context.FailFlag("HEALTHCHECK NONE takes no flags", context.Syntax.Flags[0]);
                return null;
            case "NONE":
                return new HealthcheckInstruction(context.Syntax, null, new HealthcheckOptions());
            case "CMD":
                return BindCommand(context, rest);
            default:
                return context.FailAt($"Unknown type \"{parts[0].ToUpperInvariant()}\" in HEALTHCHECK (try CMD)", new ArgumentWord(parts[0], 0));
        }
    }

    private static Instruction? BindCommand(BindingContext context, string rest)
    {
        CommandLine? command = CommandBinder.Command(context, rest);
        if (command is { IsEmpty: true })
        {
            return context.Fail("Missing command after HEALTHCHECK CMD");
        }

        var options = new HealthcheckOptions
        {
            Interval = Duration(context, "interval"),
            Timeout = Duration(context, "timeout"),
            StartPeriod = Duration(context, "start-period"),
            StartInterval = Duration(context, "start-interval"),
            Retries = Retries(context),
        };
        return command is null ? null : new HealthcheckInstruction(context.Syntax, command, options);
    }

    private static TimeSpan? Duration(BindingContext context, string name)
    {
        if (context.Text(name) is not { Length: > 0 } text)
        {
            return null;
        }

        TimeSpan? duration = FlagValues.ParseDuration(text);
        if (duration is null)
        {
            context.FailFlag($"invalid duration \"{text}\" for --{name}", context.Flag(name)!);
        }
        else if (duration != TimeSpan.Zero && duration < TimeSpan.FromMilliseconds(1))
        {
            // Zero is the config's way to say "inherit".
            context.FailFlag($"Interval \"{name}\" cannot be less than 1ms", context.Flag(name)!);
        }

        return duration;
    }

    private static int? Retries(BindingContext context)
    {
        if (context.Text("retries") is not { Length: > 0 } text)
        {
            return null;
        }

        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int retries))
        {
            context.FailFlag($"invalid number \"{text}\" for --retries", context.Flag("retries")!);
        }
        else if (retries < 0)
        {
            context.FailFlag($"--retries cannot be negative ({retries})", context.Flag("retries")!);
        }

        return retries;
    }
}
