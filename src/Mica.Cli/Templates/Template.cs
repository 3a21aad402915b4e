using System.Collections.Immutable;

namespace Mica.Cli.Templates;

/// <summary>
/// A parsed <c>--format</c> template: the subset of Go's <c>text/template</c> that has no named templates, with docker's
/// functions. Parsed once, applied to any number of values.
/// </summary>
internal sealed class Template
{
    private readonly string _text;
    private readonly ImmutableArray<TemplateNode> _nodes;

    private Template(string text, ImmutableArray<TemplateNode> nodes)
    {
        _text = text;
        _nodes = nodes;
    }

    /// <exception cref="TemplateException">The template is malformed, or uses what is not supported.</exception>
    public static Template Parse(string text) => new(text, new TemplateParser(text).Parse());

    /// <exception cref="TemplateException">The value has not what the template asks for.</exception>
    public string Apply(Value value) => new TemplateExecution(_text, TemplateFunctions.Call).Run(_nodes, value);

    /// <summary>The header line of a table: <paramref name="titles"/> has the columns' titles in place of their values.</summary>
    /// <exception cref="TemplateException">The listing has no such column.</exception>
    public string ApplyToHeader(Value titles) => new TemplateExecution(_text, TemplateFunctions.CallOnHeader).Run(_nodes, titles);
}
