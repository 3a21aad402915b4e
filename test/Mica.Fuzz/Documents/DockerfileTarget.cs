using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Fuzz.Documents;

/// <summary>
/// A Dockerfile, and the same text as a <c>.dockerignore</c>. Parsing never throws; what has no problems can be checked, outlined and
/// expanded.
/// </summary>
internal sealed class DockerfileTarget : FuzzTarget
{
    private static readonly BuildArguments s_arguments = new(
        new Dictionary<string, string> { ["A"] = "a b" }, Platform.Current, Platform.Current);

    public override string Description => "DockerfileDocument, Linter, Outline, IgnoreFile: Dockerfiles and .dockerignore";

    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. Testdata.ReadTree("dockerfile", "Dockerfile"),
        .. Testdata.Bytes(
            "FROM scratch\nENV A=a\nENV A=$A$A$A$A\nENV A=$A$A$A$A\nENV A=$A$A$A$A\nENV A=$A$A$A$A\nLABEL x=${A:-b}\n",
            "ARG B=${A%%b*}${A#a}${A/a/b}\nFROM a:$B AS x\nRUN --mount=type=cache,target=/$A,id=${B:?no} <<EOF cat\n$A\nEOF\nCOPY --from=x --chmod=u+x <<-\"E\" <<F /\na\nE\n\tb\nF\n",
            "# comment\n*.md\n!/a/**/b\n**/[a-z]?\\*\n", "# check=skip=all;error=true\n# escape=`\nfrom a as B\nmaintainer x\ncmd a `\n b\n"),
    ];

    public override IReadOnlyList<byte[]> Words { get; } =
    [
        .. Testdata.Bytes(
            "FROM ", " AS ", "RUN ", "CMD ", "COPY ", "ADD ", "ENV ", "ARG ", "LABEL ", "EXPOSE ", "VOLUME ", "USER ", "WORKDIR ", "ONBUILD ", "STOPSIGNAL ", "HEALTHCHECK ", "SHELL ", "ENTRYPOINT ",
            "MAINTAINER ", "\n", "\r\n", "\\\n", "`\n", "\\", "\"", "'", "#", "# syntax=a\n", "# escape=`\n", "# check=skip=all\n", "<<EOF", "<<-EOF", "<<\"EOF\"", "EOF\n", "[\"a\",\"b\"]", "[", "]", "$A", "${A}",
            "${A:-", "${A:+", "${A:?", "${A%%", "${A##", "${A/a/", "${", "$", "--mount=type=bind,", "--mount=type=tmpfs,size=", "--mount=type=secret,id=x,env=", "--from=", "--chown=", "--chmod=", "--link",
            "--platform=$TARGETPLATFORM", "--checksum=sha256:", "--interval=9999999999999h", "NONE", "--network=host", "--security=insecure", "--exclude=", "65535-1/tcp", "1-65535", "a=b", "**", "!", "[a-", "[^", "?",
            "../", "\uFEFF", "\u2028", "\u001b[", "\u0000", "é"),
        [0xff], [0xc3],
    ];

    /// <summary>Each instruction may expand to a million characters, and is forgotten again.</summary>
    public override long MaxAllocated => 16L << 30;

    public override void Run(byte[] input)
    {
        // What has diagnostics says so all at once, and cannot be built.
        DockerfileDocument document = DockerfileDocument.Parse(input);
        FuzzCase.Accepts(() =>
        {
            document.ThrowIfInvalid();
            FuzzCase.Accepts(() => Report(document));
            FuzzCase.Accepts(() => Expand(document));
        });
        FuzzCase.Accepts(() => IgnoreFile.Parse(input).Explain("a/b.md"));
    }

    private static void Report(DockerfileDocument document)
    {
        var report = new CheckReport(document.Source, Linter.Lint(document, new LintInput(s_arguments, Platform.Current)));
        report.ToText();
        report.ToJson();
        TargetsReport.Of(document).ToText();
        if (document.Stages is [.., var last])
        {
            OutlineReport outline = Outline.Of(document, last, s_arguments);
            outline.ToText();
            outline.ToJson();
        }
    }

    private static void Expand(DockerfileDocument document)
    {
        VariableScope global = s_arguments.GlobalScope(document);
        var expander = new InstructionExpander(document.Directives.EscapeCharacter);
        foreach (Stage stage in document.Stages)
        {
            FuzzCase.Accepts(() => expander.Expand(stage.From, global));
            foreach (Instruction instruction in stage.Instructions)
            {
                FuzzCase.Accepts(() => expander.Expand(instruction, global));
                if (instruction is RunInstruction run)
                {
                    FuzzCase.Accepts(() => expander.Mounts(run, global));
                }
            }
        }
    }
}
