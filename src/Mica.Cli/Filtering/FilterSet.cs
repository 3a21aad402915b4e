using Mica.Cli.CommandLine;
using Mica.Oci;

namespace Mica.Cli.Filtering;

/// <summary>The values of <c>--filter name=value</c>, by name.</summary>
internal sealed class FilterSet
{
    private readonly ILookup<string, string> _values;

    private FilterSet(ILookup<string, string> values) => _values = values;

    /// <param name="invocation">For the message.</param>
    /// <param name="filters">As given.</param>
    /// <param name="known">The names that there are; <c>label!</c> is written <c>label!=…</c>.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: no equals sign, or no such name.</exception>
    public static FilterSet Parse(Invocation invocation, string[] filters, params string[] known)
    {
        (string Name, string Value)[] pairs = [.. filters.Select(filter =>
        {
            int equals = filter.IndexOf('=', StringComparison.Ordinal);
            return equals > 0
                ? (filter[..equals].Trim().ToLowerInvariant(), filter[(equals + 1)..].Trim())
                : throw invocation.Misuse(
                    $"invalid argument \"{Printable.Of(filter)}\" for \"--filter\" flag: bad format of filter (expected name=value)");
        })];
        string? unknown = pairs.Select(pair => pair.Name).FirstOrDefault(name => !known.Contains(name));
        return unknown is null
            ? new FilterSet(pairs.ToLookup(pair => pair.Name, pair => pair.Value))
            : throw new MicaException(ErrorKind.InvalidArgument, $"invalid filter '{Printable.Of(unknown)}': there are {string.Join(", ", known)}");
    }

    public IEnumerable<string> All(string name) => _values[name];

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: given more than once.</exception>
    public string? One(string name)
    {
        string[] values = [.. _values[name].Distinct()];
        return values.Length <= 1
            ? values.FirstOrDefault()
            : throw new MicaException(ErrorKind.InvalidArgument, $"more than one '{name}' filter");
    }

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: neither true nor false.</exception>
    public bool? Truth(string name) => One(name) is not { } text ? null
        : CliOption.ParseBoolean(text) ?? throw new MicaException(ErrorKind.InvalidArgument, $"invalid filter '{name}={Printable.Of(text)}': neither true nor false");
}
