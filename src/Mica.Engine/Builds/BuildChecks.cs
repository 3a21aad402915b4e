using System.Collections.Immutable;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>Runs the build checks on what is built.</summary>
internal sealed class BuildChecks(BuildInput input, ImageBuildOptions options, Platform build)
{
    /// <summary>With the configs of the base images that the build has opened; null when it has not begun.</summary>
    public CheckedFile Lint(BaseImages? images)
    {
        BuildArguments arguments = ArgumentsOf(options, build);
        Platform target = options.Platforms is [var first, ..] ? first : build;
        LintResult result = Linter.Lint(input.Document, new LintInput(arguments, target)
        {
            Ignored = input.Ignored?.Patterns,
            BaseImages = images is null ? ImmutableDictionary<int, BaseImage>.Empty : Bases(images, arguments.GlobalScope(input.Document), target),
        });
        return new CheckedFile(new CheckReport(input.Document.Source, result));
    }

    public static BuildArguments ArgumentsOf(ImageBuildOptions options, Platform build) =>
        new(options.Arguments, build, options.Platforms is [var first, ..] ? first : build, options.Target);

    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: there is no such stage.</exception>
    public static Stage TargetOf(DockerfileDocument document, string? target)
    {
        if (target is null)
        {
            return document.Stages[^1];
        }

        string? near = document.SuggestStage(target);
        return document.FindStage(target) ?? throw new MicaException(ErrorKind.NotFound,
            $"target stage \"{Printable.Of(target)}\" could not be found{(near is null ? "" : $" (did you mean {Printable.Of(near)}?)")}");
    }

    private ImmutableDictionary<int, BaseImage> Bases(BaseImages images, VariableScope global, Platform target)
    {
        var expander = new InstructionExpander(input.Document.Directives.EscapeCharacter);
        var bases = ImmutableDictionary.CreateBuilder<int, BaseImage>();
        foreach (Stage stage in input.Document.Stages)
        {
            var from = (FromInstruction)expander.Expand(stage.From, global).Instruction;
            Platform platform = from.Platform is { Length: > 0 } own && Platform.TryParse(own, out Platform? parsed) ? parsed : target;
            if (ImageReference.TryParse(from.BaseName, out ImageReference? reference) && images.Find(reference, platform) is { } image)
            {
                bases[stage.Index] = new BaseImage(from.BaseName, image.Config);
            }
        }

        return bases.ToImmutable();
    }
}

/// <summary>What the checks say of a Dockerfile.</summary>
internal sealed record CheckedFile(CheckReport Report)
{
    /// <exception cref="MicaException"><see cref="ErrorKind.Failed"/>: the file says that what was found is an error.</exception>
    public void ThrowIfFailed()
    {
        if (Report.Result.Failure is { } failure)
        {
            throw new MicaException(ErrorKind.Failed, failure);
        }
    }
}
