using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Mica.Cli.CommandLine;
using Mica.Cli.Filtering;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary>The filters of <c>ps</c> and <c>container prune</c>: of each key one value must suit, of labels all.</summary>
internal sealed class ContainerFilter
{
    public static readonly string[] Keys =
        ["ancestor", "before", "exited", "expose", "health", "id", "label", "name", "network", "publish", "since", "status", "volume"];

    private static readonly string[] s_states = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];

    private readonly List<Func<Container, bool>> _conditions = [];

    /// <summary>It asks for containers that do not run.</summary>
    public bool WantsAll { get; private init; }

    public static ContainerFilter Parse(Invocation invocation, string[] given, ImmutableArray<Container> all)
    {
        var filters = FilterSet.Parse(invocation, given, Keys);
        var filter = new ContainerFilter { WantsAll = filters.All("status").Any() || filters.All("exited").Any() };
        filter.AddAny(filters.All("ancestor"), (container, value) => IsAncestor(container, value));
        filter.AddAny(filters.All("exited").Select(text => int.TryParse(text, CultureInfo.InvariantCulture, out int code) ? text : throw Invalid("exited", text)),
            (container, value) => container.State.Status == ContainerStatus.Exited && container.State.ExitCode.ToString(CultureInfo.InvariantCulture) == value);
        filter.AddAny(filters.All("expose"), (container, value) => container.Definition.ExposedPorts.Contains(value.Contains('/', StringComparison.Ordinal) ? value : value + "/tcp"));
        filter.AddAny(filters.All("publish"), (container, value) => container.State.Ports.Concat(container.Definition.Networking.Ports)
            .Any(port => $"{port.HostPort}/{port.Protocol}" == (value.Contains('/', StringComparison.Ordinal) ? value : value + "/tcp")));
        filter.AddAny(filters.All("health").Select(text => text is "starting" or "healthy" or "unhealthy" or "none" ? text : throw Invalid("health", text)),
            (container, value) => (container.State.Health?.Status ?? "none") == value);
        filter.AddAny(filters.All("id"), (container, value) => container.Id.StartsWith(value, StringComparison.Ordinal));
        filter.AddAny(filters.All("name"), (container, value) => IsMatch("/" + container.Name, value) || IsMatch(container.Name, value));
        filter.AddAny(filters.All("network"), (container, value) => container.Definition.Networking.Mode == value || container.Definition.Networking.Endpoints.ContainsKey(value));
        filter.AddAny(filters.All("status").Select(text => s_states.Contains(text) ? text : throw Invalid("status", text)),
            (container, value) => ContainerText.State(container.State.Status) == value);
        filter.AddAny(filters.All("volume"), (container, value) => container.Definition.Mounts.Any(mount => mount.Source == value || mount.Destination == value));
        foreach (string label in filters.All("label"))
        {
            filter._conditions.Add(container => HasLabel(container, label));
        }

        if (filters.One("before") is { } before)
        {
            Container limit = Find(all, before);
            filter._conditions.Add(container => container.Created < limit.Created);
        }

        if (filters.One("since") is { } since)
        {
            Container limit = Find(all, since);
            filter._conditions.Add(container => container.Created > limit.Created);
        }

        return filter;
    }

    public bool Matches(Container container) => _conditions.TrueForAll(condition => condition(container));

    public static bool HasLabel(Container container, string label)
    {
        string[] parts = label.Split('=', 2);
        return container.Definition.Labels.TryGetValue(parts[0], out string? value) && (parts.Length == 1 || value == parts[1]);
    }

    private static bool IsAncestor(Container container, string value)
    {
        string image = container.Definition.Image;
        return image == value || Familiar(image) == Familiar(value)
            || (container.Definition.ImageId is { } id && (id.Hex.StartsWith(value, StringComparison.Ordinal) || id.ToString() == value));
    }

    private static string Familiar(string image) =>
        ImageReference.TryParse(image, out ImageReference? reference) ? reference.WithDefaultTag().Familiar : image;

    private static bool IsMatch(string name, string pattern)
    {
        try
        {
            return Regex.IsMatch(name, pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        }
        catch (ArgumentException)
        {
            return name.Contains(pattern, StringComparison.Ordinal);
        }
    }

    private static Container Find(ImmutableArray<Container> all, string text) =>
        all.FirstOrDefault(container => container.Name == text || container.Id.StartsWith(text, StringComparison.Ordinal))
        ?? throw new MicaException(ErrorKind.NotFound, $"no such container: {Printable.Of(text)}");

    private static MicaException Invalid(string key, string value) =>
        new(ErrorKind.InvalidArgument, $"invalid filter '{key}={Printable.Of(value)}'");

    private void AddAny(IEnumerable<string> values, Func<Container, string, bool> matches)
    {
        string[] wanted = [.. values];
        if (wanted.Length > 0)
        {
            _conditions.Add(container => wanted.Any(value => matches(container, value)));
        }
    }
}
