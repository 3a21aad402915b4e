using System.Text;
using System.Text.Json;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;

namespace Mica.Fuzz.Documents;

/// <summary>The templates of <c>--format</c>, applied to an image and to a header.</summary>
internal sealed class TemplatesTarget : FuzzTarget
{
    private readonly JsonDocument _document = JsonDocument.Parse(Testdata.Read("cli/templates/image.json"));
    private readonly Value _image;

    public TemplatesTarget() => _image = Value.Of(_document.RootElement, ImageShape.Of);

    public override string Description => "Template: the subset of Go's text/template behind --format";

    public override IReadOnlyList<byte[]> Seeds { get; } =
        [.. Encoding.UTF8.GetString(Testdata.Read("cli/templates/image.txt")).Split('\n')
            .Where(line => line.StartsWith("> ", StringComparison.Ordinal)).Select(line => Testdata.Bytes(line[2..].Replace("\\n", "\n", StringComparison.Ordinal)))];

    public override IReadOnlyList<byte[]> Words { get; } = Testdata.Bytes(
        "{{", "}}", "{{-", "-}}", " -}}", "/*", "*/", "{{end}}", "{{else}}", "{{else if .Os}}", "{{range .RepoTags}}", "{{range $i, $e := .Config.Env}}", "{{range 3}}",
        "{{range 1000000}}", "{{with .Config}}", "{{if .Os}}", "{{break}}", "{{continue}}", "$", "$x", ":=", "=", "|", ",", "(", ")", ".", ".Config", ".Id", ".Nope", "\"%s\"",
        "\"%[3]*.[2]*[1]f\"", "\"%-+# 09999d\"", "\"%x %q %v %T %t %c %U %e %08b\"", "printf", "index", "slice", "len", "json", "join", "split", "truncate", "pad", "title", "lower", "html",
        "js", "urlquery", "eq", "lt", "and", "or", "not", "nil", "true", "-9223372036854775808", "9223372036854775807", "1e400", "0x1p-2", "1_000", "'a'", "'\\x00'", "'\\''",
        "'\\U0010ffff'", "\"\\xff\"", "\"\\ud800\"", "`a\nb`", "\u2028", "\u001b", "é", "\U0001F600");

    public override void Run(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        Template? template = null;
        if (FuzzCase.Accepts(() => template = Template.Parse(text)))
        {
            FuzzCase.Accepts(() => template!.Apply(_image));
            FuzzCase.Accepts(() => template!.ApplyToHeader(new RowValue("image", [new("Id", Value.Of("ID")), new("Os", Value.Of("OS"))])));
        }
    }

    protected override void Dispose(bool disposing)
    {
        _document.Dispose();
        base.Dispose(disposing);
    }
}
