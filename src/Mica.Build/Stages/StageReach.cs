using Mica.Dockerfile;

namespace Mica.Build;

/// <summary>Which stages a stage needs.</summary>
internal sealed class StageReach(BuildOptions options, InstructionExpander expander, VariableScope global)
{
    /// <summary>The stage and all that it needs, directly or not.</summary>
    public IReadOnlyCollection<Stage> From(Stage target)
    {
        var found = new Dictionary<int, Stage>();
        Visit(target, found);
        return found.Values;
    }

    private void Visit(Stage stage, Dictionary<int, Stage> found)
    {
        if (!found.TryAdd(stage.Index, stage))
        {
            return;
        }

        Follow(((FromInstruction)expander.Expand(stage.From, global).Instruction).BaseName, byNumber: false);
        foreach (Instruction instruction in stage.Instructions)
        {
            switch (instruction)
            {
                case CopyInstruction { From: { } from }:
                    Follow(from, byNumber: true);
                    break;
                case RunInstruction run:
                    foreach (string from in run.Options.Mounts.Select(mount => mount.From).OfType<string>())
                    {
                        Follow(from, byNumber: true);
                    }

                    break;
            }
        }

        void Follow(string name, bool byNumber)
        {
            if (!options.Contexts.ContainsKey(name) && options.Dockerfile.FindStage(name, stage.Index, byNumber) is { } needed)
            {
                Visit(needed, found);
            }
        }
    }
}
