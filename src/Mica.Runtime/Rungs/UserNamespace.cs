using System.Collections.Immutable;
using System.Globalization;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// A user namespace, in which an ordinary user is root of what is theirs. A process with threads cannot enter one, so a program
/// becomes another run of itself in there. user_namespaces(7), newuidmap(1).
/// </summary>
/// <param name="Rung">Which ids it has: <see cref="RuntimeRung.SubordinateIds"/> or <see cref="RuntimeRung.SingleId"/>.</param>
/// <param name="Uids">Triples of newuidmap: first id inside, first id outside, count.</param>
/// <param name="Gids">The same for groups.</param>
public sealed record UserNamespace(RuntimeRung Rung, ImmutableArray<IdRange> Uids, ImmutableArray<IdRange> Gids)
{
    /// <summary>Is in the environment of what runs in there; its value is the name of the rung.</summary>
    public const string MarkerVariable = "MICA_USER_NAMESPACE";

    /// <summary>
    /// Waits, outside, until the process has left for its namespace; then gives it its ids, the users' last, since that is
    /// what it waits for. A grandchild does it, so that the program inside has no child that it does not know.
    /// </summary>
    private const string Outside = """
        pid=$$ rung=$1 uids=$2 gids=$3; shift 3
        ( ( here=$(readlink /proc/self/ns/user)
          while there=$(readlink /proc/$pid/ns/user) && [ "$there" = "$here" ]; do sleep 0.001; done
          [ -n "$there" ] || exit
          if [ "$rung" = mapped ]; then newgidmap $pid $gids && newuidmap $pid $uids
          else
            [ "$rung" = direct ] || echo deny >/proc/$pid/setgroups
            echo "$gids" >/proc/$pid/gid_map && echo "$uids" >/proc/$pid/uid_map
          fi || kill -9 $pid
        ) </dev/null >/dev/null & )
        exec unshare --user -- sh -c 'until read -r _ </proc/self/uid_map; do sleep 0.001; done; exec "$@"' sh "$@"
        """;

    /// <summary>The namespace of containers that run; null when none does.</summary>
    public static RunningNamespace? FindRunning(RuntimeOptions options)
    {
        string containers = Path.Combine(options.StateDirectory, "containers");
        foreach (string bundle in Directory.Exists(containers) ? Directory.GetDirectories(containers) : [])
        {
            if (ContainerFiles.ReadNumber(new ContainerFiles(bundle, bundle).MonitorPidFile) is { } monitor && DetachedContainer.IsMonitor(monitor)
                && File.ResolveLinkTarget($"/proc/{monitor}/ns/user", false)?.Name != File.ResolveLinkTarget("/proc/self/ns/user", false)?.Name)
            {
                return new RunningNamespace(monitor, RuntimeProbe.ReadRung(File.ReadAllText($"/proc/{monitor}/uid_map")));
            }
        }

        return null;
    }

    /// <summary>Its ids are written by ourselves, being root of a container: newuidmap would want entries for root.</summary>
    public bool IsWrittenDirectly { get; init; }

    /// <summary>
    /// Becomes <paramref name="arguments"/> (the first is the program's path) in a new user namespace, keeping process number,
    /// terminal and standard descriptors: signals and exit code need no passing on. Returns only by throwing.
    /// </summary>
    /// <param name="arguments">What to run there.</param>
    /// <param name="environment">Its environment, as <c>NAME=value</c>; <see cref="MarkerVariable"/> is added.</param>
    /// <param name="options">Where programs are found.</param>
    public void Enter(ImmutableArray<string> arguments, ImmutableArray<string> environment, RuntimeOptions options) =>
        ProcessImage.Replace(Command(arguments, environment, options));

    internal ChildCommand Command(ImmutableArray<string> arguments, ImmutableArray<string> environment, RuntimeOptions options)
    {
        string shell = options.FindProgram("sh") ?? throw new MicaException(ErrorKind.Unsupported, "there is no sh here");
        string way = IsWrittenDirectly ? "direct" : Rung == RuntimeRung.SubordinateIds ? "mapped" : "single";
        ImmutableArray<string> variables = [.. environment, $"{MarkerVariable}={Rung}"];
        if (!environment.Any(variable => variable.StartsWith("PATH=", StringComparison.Ordinal)))
        {
            variables = [.. variables, $"PATH={string.Join(':', options.ProgramDirectories)}"];
        }

        return new ChildCommand(shell, ["sh", "-c", Outside, "sh", way, Text(Uids), Text(Gids), .. arguments], variables);
    }

    private static string Text(ImmutableArray<IdRange> ranges) => string.Join(' ', ranges.Select(range =>
        string.Create(CultureInfo.InvariantCulture, $"{range.Inside} {range.Outside} {range.Count}")));
}

/// <summary>Ids that are others outside. </summary>
/// <param name="Inside">The first, in the namespace.</param>
/// <param name="Outside">The first, outside.</param>
/// <param name="Count">How many follow each other.</param>
public readonly record struct IdRange(uint Inside, uint Outside, uint Count);
