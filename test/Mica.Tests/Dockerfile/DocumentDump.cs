using System.Collections;
using System.Reflection;
using System.Text;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Dockerfile;

/// <summary>A document as text for goldens: one line per instruction as written, one per value it was understood as.</summary>
internal static class DocumentDump
{
    public static string Of(DockerfileDocument document)
    {
        var text = new StringBuilder();
        ParserDirectives directives = document.Directives;
        foreach (ParserDirective directive in new[] { directives.Syntax, directives.Escape, directives.Check }.OfType<ParserDirective>())
        {
            text.Append($"directive {directive.Key} = {directive.Value} (line {directive.Line})\n");
        }

        foreach (ArgInstruction argument in document.GlobalArguments)
        {
            Append(text, argument, "");
        }

        foreach (Stage stage in document.Stages)
        {
            text.Append($"stage {stage.Index} {stage.Name ?? "-"} {stage.Lines}{(stage.Description is { } about ? " : " + about : "")}\n");
            Append(text, stage.From, "  ");
            foreach (Instruction instruction in stage.Instructions)
            {
                Append(text, instruction, "  ");
            }
        }

        return text.Append(document.Diagnostics.IsEmpty ? "" : Excerpt.Of(document.Source, document.Diagnostics)).ToString();
    }

    private static void Append(StringBuilder text, Instruction instruction, string indent)
    {
        text.Append($"{indent}{instruction.Lines}: {instruction.Syntax.Keyword}");
        foreach (FlagSyntax flag in instruction.Syntax.Flags)
        {
            text.Append($" [{flag.Name}{(flag.Value is null ? "" : "=" + flag.Value)}]");
        }

        text.Append(' ').Append(Printable.Of(instruction.Syntax.Arguments)).Append('\n');
        foreach (string comment in instruction.Syntax.Comments)
        {
            text.Append($"{indent}    # {comment}\n");
        }

        foreach (PropertyInfo property in Own(instruction.GetType()).Where(property => property.DeclaringType == instruction.GetType()))
        {
            if (property.GetValue(instruction) is { } value)
            {
                text.Append($"{indent}    {property.Name}: {Value(value)}\n");
            }
        }
    }

    private static string Value(object value) => value switch
    {
        string text => '"' + Shown(text).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal) + '"',
        IEnumerable items => "[" + string.Join(", ", items.Cast<object>().Select(Value)) + "]",
        Enum or bool or int or TimeSpan or LineRange => value.ToString()!,
        _ => value.GetType().Name + "(" + string.Join(", ", Own(value.GetType())
            .Where(property => property.Name is not ("Syntax" or "Lines" or "Paths" or "IsEmpty") && !IsDefault(property.GetValue(value)))
            .Select(property => $"{property.Name}={Value(property.GetValue(value)!)}")) + ")",
    };

    private static string Shown(string text) =>
        string.Concat(text.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? $"\\x{(int)c:x2}" : c.ToString()));

    private static bool IsDefault(object? value) => value is null or false or 0 or ICollection { Count: 0 };

    private static PropertyInfo[] Own(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
}
