using System.Collections.Frozen;
using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>
/// Where arguments get their values: <c>--build-arg</c>, the platforms, the ARG instructions before the first FROM, the ARG's
/// own default, in this order.
/// </summary>
public sealed class BuildArguments
{
    private readonly FrozenDictionary<string, string> _given;
    private readonly ImmutableDictionary<string, string> _platforms;

    /// <param name="given">What <c>--build-arg</c> says.</param>
    /// <param name="build">The machine that builds.</param>
    /// <param name="target">What the image is for.</param>
    /// <param name="targetStage">The name of the stage that is built; <c>default</c> when none is named.</param>
    public BuildArguments(IReadOnlyDictionary<string, string> given, Platform build, Platform target, string? targetStage = null)
    {
        _given = given.ToFrozenDictionary(StringComparer.Ordinal);
        _platforms = ImmutableDictionary.CreateRange(StringComparer.Ordinal, (IEnumerable<KeyValuePair<string, string>>)
        [
            .. Values("BUILD", build), .. Values("TARGET", target), new("TARGETSTAGE", targetStage is { Length: > 0 } ? targetStage : "default"),
        ]);
    }

    /// <summary>The value of <c>--build-arg NAME</c>; null when it is not given.</summary>
    public string? Given(string name) => _given.GetValueOrDefault(name);

    /// <summary>Names given with <c>--build-arg</c>.</summary>
    public IEnumerable<string> GivenNames => _given.Keys;

    /// <summary>
    /// The scope that FROM sees: platform arguments and the document's global ARGs. A default may use those before it. Values that
    /// are given for platform arguments win when a global ARG declares them or not.
    /// </summary>
    /// <exception cref="DockerfileException">A default is broken.</exception>
    public VariableScope GlobalScope(DockerfileDocument document)
    {
        VariableScope scope = VariableScope.Empty;
        foreach ((string name, string value) in _platforms)
        {
            scope = scope.WithArgument(name, Given(name) ?? value);
        }

        var expander = new InstructionExpander(document.Directives.EscapeCharacter);
        foreach (ArgInstruction instruction in document.GlobalArguments)
        {
            // Each default sees the arguments before it, those of its own instruction too.
            foreach (ArgumentDeclaration argument in instruction.Arguments)
            {
                ArgInstruction one = instruction with { Arguments = [argument] };
                try
                {
                    ArgumentDeclaration expanded = ((ArgInstruction)expander.Expand(one, scope).Instruction).Arguments[0];
                    scope = scope.WithArgument(expanded.Name, Given(expanded.Name) ?? expanded.Default);
                }
                catch (MicaException exception) when (exception is not DockerfileException)
                {
                    throw document.ProblemOf(instruction, exception.Message);
                }
            }
        }

        return scope;
    }

    /// <summary>
    /// The stage's scope after an ARG of it: the given value, else the ARG's default, else what the global scope has.
    /// </summary>
    /// <param name="scope">The stage's variables before the ARG.</param>
    /// <param name="argument">After expansion.</param>
    /// <param name="global">From <see cref="GlobalScope"/>.</param>
    public VariableScope Declare(VariableScope scope, ArgumentDeclaration argument, VariableScope global)
    {
        string? value = Given(argument.Name) ?? argument.Default ?? (global.TryGet(argument.Name, out string? inherited) ? inherited : null);
        return scope.WithArgument(argument.Name, value);
    }

    /// <summary>The proxy arguments that are given; RUN has them without ARG.</summary>
    public ImmutableSortedDictionary<string, string> Proxies() =>
        _given.Where(pair => PredefinedArguments.Proxies.Contains(pair.Key)).ToImmutableSortedDictionary(StringComparer.Ordinal);

    private static IEnumerable<KeyValuePair<string, string>> Values(string prefix, Platform platform)
    {
        yield return new(prefix + "PLATFORM", platform.ToString());
        yield return new(prefix + "OS", platform.Os);
        yield return new(prefix + "OSVERSION", platform.OsVersion ?? "");
        yield return new(prefix + "ARCH", platform.Architecture);
        yield return new(prefix + "VARIANT", platform.Variant ?? "");
    }
}
