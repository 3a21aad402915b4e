using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Mica.Dockerfile;

/// <summary>
/// The variables that an instruction sees: those of ENV, and of ARG where no ENV has the name, whichever came first. Immutable,
/// so that an instruction expands all its words with the values from before it.
/// </summary>
public sealed class VariableScope
{
    private readonly ImmutableDictionary<string, string> _environment;
    private readonly ImmutableDictionary<string, string?> _arguments;

    private VariableScope(ImmutableDictionary<string, string> environment, ImmutableDictionary<string, string?> arguments)
    {
        _environment = environment;
        _arguments = arguments;
    }

    /// <summary>No variables.</summary>
    public static VariableScope Empty { get; } = new(
        ImmutableDictionary.Create<string, string>(StringComparer.Ordinal), ImmutableDictionary.Create<string, string?>(StringComparer.Ordinal));

    /// <summary>Every name that is declared, with a value or without.</summary>
    public IEnumerable<string> Names => _environment.Keys.Concat(_arguments.Keys).Distinct(StringComparer.Ordinal);

    /// <summary>The values of the declared arguments; null where there is none. RUN gets those that no ENV hides.</summary>
    public IReadOnlyDictionary<string, string?> Arguments => _arguments;

    /// <summary>The values of ENV.</summary>
    public IReadOnlyDictionary<string, string> Environment => _environment;

    /// <summary>The variable has this value from here on, in the image too.</summary>
    public VariableScope WithEnvironment(string name, string value) => new(_environment.SetItem(name, value), _arguments);

    /// <summary>
    /// The argument is declared from here on. Without a value it keeps the one it has; an ENV of the name hides it in any case.
    /// </summary>
    public VariableScope WithArgument(string name, string? value) =>
        value is null && _arguments.ContainsKey(name) ? this : new VariableScope(_environment, _arguments.SetItem(name, value));

    /// <summary>What a stage that is based on this one begins with: arguments end with their stage.</summary>
    public VariableScope WithoutArguments() => new(_environment, Empty._arguments);

    /// <summary>The value; false when there is none.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out string? value)
    {
        if (_environment.TryGetValue(name, out value))
        {
            return true;
        }

        return _arguments.TryGetValue(name, out value) && value is not null;
    }

    /// <summary>Whether the name is declared, be it without a value.</summary>
    public bool IsDeclared(string name) => _environment.ContainsKey(name) || _arguments.ContainsKey(name);
}
