using System.Collections.Immutable;
using System.Globalization;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Build;

/// <summary>What a Dockerfile takes from elsewhere under names that may mean something else tomorrow.</summary>
/// <param name="Images">Images of FROM, <c>COPY --from</c> and <c>RUN --mount=from=</c>, with their default tags, without those that have a digest.</param>
/// <param name="Addresses">Web addresses of ADD.</param>
/// <param name="Repositories">Git repositories of ADD, as <see cref="GitAddress.ToString"/> has them.</param>
public sealed record BuildSources(ImmutableSortedSet<string> Images, ImmutableSortedSet<string> Addresses, ImmutableSortedSet<string> Repositories)
{
    /// <summary>Those of some stages.</summary>
    /// <param name="document">The Dockerfile.</param>
    /// <param name="stages">The stages.</param>
    /// <param name="arguments">The values of ARG.</param>
    /// <param name="contexts">Names that are contexts, and no sources.</param>
    public static BuildSources Of(DockerfileDocument document, IEnumerable<Stage> stages, BuildArguments arguments, IEnumerable<string> contexts)
    {
        var images = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
        var addresses = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
        var repositories = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
        var expander = new InstructionExpander(document.Directives.EscapeCharacter);
        VariableScope global = arguments.GlobalScope(document);
        HashSet<string> known = [.. contexts, "scratch"];
        foreach (Stage stage in stages)
        {
            AddImage(((FromInstruction)expander.Expand(stage.From, global).Instruction).BaseName, stage, byNumber: false);
            StageState state = BaseState.Scratch(Platform.Current);
            foreach (Instruction original in stage.Instructions)
            {
                Instruction instruction = expander.Expand(original, state.Scope).Instruction;
                state = ConfigInstructions.Apply(state, instruction, arguments, global)?.State ?? state;
                switch (instruction)
                {
                    case CopyInstruction { From: { } from }:
                        AddImage(from, stage, byNumber: true);
                        break;
                    case RunInstruction run:
                        foreach (string from in run.Options.Mounts.Select(mount => mount.From).OfType<string>())
                        {
                            AddImage(from, stage, byNumber: true);
                        }

                        break;
                    case AddInstruction add:
                        foreach (string path in add.Transfer.Paths.Where(RemoteSource.IsRemote))
                        {
                            if (GitAddress.TryParse(path, out GitAddress? repository))
                            {
                                repositories.Add(repository.ToString());
                            }
                            else
                            {
                                addresses.Add(path);
                            }
                        }

                        break;
                }
            }
        }

        return new BuildSources(images.ToImmutable(), addresses.ToImmutable(), repositories.ToImmutable());

        void AddImage(string name, Stage stage, bool byNumber)
        {
            if (!known.Contains(name) && document.FindStage(name, stage.Index, byNumber) is null && !int.TryParse(name, CultureInfo.InvariantCulture, out _)
                && ImageReference.TryParse(name, out ImageReference? reference) && reference.Digest is null)
            {
                images.Add(reference.WithDefaultTag().ToString());
            }
        }
    }
}
