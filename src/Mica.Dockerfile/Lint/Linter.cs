using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>Runs the build checks on a document without diagnostics.</summary>
public static class Linter
{
    /// <summary>Everything that breaks a rule, except what the file's or the input's options silence.</summary>
    /// <exception cref="DockerfileException">The <c>check</c> directive is broken, or a global argument's default.</exception>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: the argument <c>BUILDKIT_DOCKERFILE_CHECK</c> is broken.</exception>
    public static LintResult Lint(DockerfileDocument document, LintInput input)
    {
        LintOptions options = input.Options ?? OptionsOf(document, input);
        var run = new LintRun(document, input, options);
        WritingRules.Check(run);
        StageNameRules.Check(run);
        DescriptionRule.Check(run);
        VariableScope global = input.Arguments.GlobalScope(document);
        FromRules.Check(run, global);
        new StageWalk(run, global).Check();
        return run.Result();
    }

    private static LintOptions OptionsOf(DockerfileDocument document, LintInput input)
    {
        if (input.Arguments.Given("BUILDKIT_DOCKERFILE_CHECK") is { } given)
        {
            return LintOptions.Parse(given);
        }

        if (document.Directives.Check is not { } directive)
        {
            return new LintOptions();
        }

        if (LintOptions.TryParse(directive.Value, out LintOptions? options, out string? problem))
        {
            return options;
        }

        var diagnostic = new Diagnostic(problem, new LineRange(directive.Line, directive.Line));
        throw new DockerfileException([diagnostic], Excerpt.Of(document.Source, diagnostic.Lines));
    }
}
