namespace Mica.Cli.Commands;

/// <summary>What the help says of <c>--format</c>.</summary>
internal static class FormatHelp
{
    public const string OfListing = """
        Format output using a custom template:
        'table': Print output in table format with column headers (default)
        'table TEMPLATE': Print output in table format using the given Go template
        'json': Print in JSON format
        'TEMPLATE': Print output using the given Go template
        """;

    public const string OfDocument = """
        Format output using a custom template:
        'json': Print in JSON format, on one line
        'TEMPLATE': Print output using the given Go template
        """;
}
