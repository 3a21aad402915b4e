using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>Which stages need which.</summary>
internal static class StageGraph
{
    /// <summary>The target and everything it needs, in the order of the file.</summary>
    public static ImmutableArray<Stage> Needed(DockerfileDocument document, Stage target, VariableScope global)
    {
        var expander = new InstructionExpander(document.Directives.EscapeCharacter);
        SortedDictionary<int, Stage> needed = [];
        var waiting = new Stack<Stage>([target]);
        while (waiting.TryPop(out Stage? stage))
        {
            if (!needed.TryAdd(stage.Index, stage))
            {
                continue;
            }

            string parent = ((FromInstruction)expander.Expand(stage.From, global).Instruction).BaseName;
            Push(document.FindStage(parent, stage.Index, byNumber: false));
            foreach (Instruction instruction in stage.Instructions)
            {
                IEnumerable<string?> names = instruction switch
                {
                    CopyInstruction copy => [copy.From],
                    RunInstruction run => run.Options.Mounts.Select(mount => mount.From),
                    _ => [],
                };
                foreach (string name in names.OfType<string>())
                {
                    Push(document.FindStage(name, stage.Index));
                }
            }
        }

        return [.. needed.Values];

        void Push(Stage? stage)
        {
            if (stage is not null)
            {
                waiting.Push(stage);
            }
        }
    }
}
