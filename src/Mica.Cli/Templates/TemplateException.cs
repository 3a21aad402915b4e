using System.Text;
using Mica.Oci;

namespace Mica.Cli.Templates;

/// <summary>A template that cannot be parsed, or that does not fit the value it is applied to. The words are docker's.</summary>
internal sealed class TemplateException : MicaException
{
    private TemplateException(string message)
        : base(ErrorKind.InvalidArgument, "template parsing error: template: :" + message)
    {
    }

    /// <summary>A mistake in the text, found before anything is printed.</summary>
    public static TemplateException Parsing(string template, int position, string message) =>
        new($"{Line(template, position)}: {Printable.Of(message)}");

    /// <summary>A mistake that only the value shows. <paramref name="node"/> is the part that is quoted.</summary>
    public static TemplateException Executing(string template, TemplateNode node, string message)
    {
        ReadOnlySpan<char> before = template.AsSpan(0, node.Position);
        int column = Encoding.UTF8.GetByteCount(before[(before.LastIndexOf('\n') + 1)..]);
        return new TemplateException($"{Line(template, node.Position)}:{column}: executing \"\" at <{Printable.Of(node.ToString())}>: {Printable.Of(message)}");
    }

    private static int Line(string template, int position) => 1 + template.AsSpan(0, position).Count('\n');
}
