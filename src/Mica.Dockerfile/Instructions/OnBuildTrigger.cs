using System.Text;

namespace Mica.Dockerfile;

/// <summary>The triggers that a base image's config brings into a build.</summary>
public static class OnBuildTrigger
{
    /// <summary>Reads a trigger as ONBUILD has kept it. Its lines are those of the trigger's own text.</summary>
    /// <exception cref="DockerfileException">It is not one instruction, or one that may not be a trigger.</exception>
    public static Instruction Parse(string trigger)
    {
        var problems = new DiagnosticList();
        SourceText? source = SourceText.Read(Encoding.UTF8.GetBytes(trigger), "ONBUILD");
        Instruction? instruction = source is null ? null : Bind(SyntaxParser.Parse(source, problems), problems);
        if (instruction is not null && problems.Count == 0)
        {
            return instruction;
        }

        if (problems.Count == 0)
        {
            problems.Add("the image's ONBUILD trigger is not one instruction", new LineRange(1, 1));
        }

        throw new DockerfileException(problems.ToImmutable(), source is null ? null : Excerpt.Of(source, problems.ToImmutable()));
    }

    private static Instruction? Bind(DockerfileSyntax syntax, DiagnosticList problems)
    {
        if (syntax.Instructions is not [InstructionSyntax single])
        {
            return null;
        }

        Instruction? instruction = InstructionBinder.Bind(single, '\\', problems);
        if (instruction is FromInstruction or OnBuildInstruction or MaintainerInstruction)
        {
            problems.Add($"{single.Name} isn't allowed as an ONBUILD trigger", single.Lines);
        }

        return instruction;
    }
}
