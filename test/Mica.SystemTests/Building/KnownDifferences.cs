using System.Text.RegularExpressions;

namespace Mica.SystemTests.Building;

/// <summary>What mica does otherwise than buildah on purpose, each with its reason. Everything else must be the same.</summary>
public static partial class KnownDifferences
{
    /// <summary>What buildah makes in the root for the mounts of RUN and leaves there; BuildKit and mica take it out again.</summary>
    private static readonly string[] MountPoints = ["dev/", "proc/", "sys/", "run/", "etc/hosts", "etc/hostname", "etc/resolv.conf", "run/secrets/", "var/", "var/run/"];

    /// <summary>Both images without what is known to differ.</summary>
    public static (ImageText Buildah, ImageText Mica) Leave(ImageText buildah, ImageText mica)
    {
        (buildah, mica) = (Common(buildah), Common(mica));
        HashSet<string> added = [.. buildah.Tree.Except(mica.Tree).Where(line => MountPoints.Contains(PathOf(line)))];
        // The directory of those files, when there is none in the image.
        added.UnionWith(buildah.Tree.Where(line => line == "etc/ 755 0:0" && !mica.Tree.Contains(line)));
        return (buildah with { Tree = [.. buildah.Tree.Except(added)] }, mica with
        {
            History = [.. mica.History.Select((line, number) => number < buildah.History.Length && buildah.History[number] is var other
                && Unparsed().IsMatch(other) && line.StartsWith("RUN ", StringComparison.Ordinal) ? other : line)],
        });
    }

    private static ImageText Common(ImageText image) => image with
    {
        Config = [.. image.Config
            // buildah's own label, which names its version.
            .Where(line => !line.StartsWith("Labels io.buildah.version=", StringComparison.Ordinal))
            // An image of nothing begins in / with BuildKit and in no directory with buildah, which means the same.
            .Where(line => line != "WorkingDir /")
            // A variable that is set again keeps its place with BuildKit, and comes last with buildah.
            .OrderBy(line => line.StartsWith("Env ", StringComparison.Ordinal) ? line : line.Split(' ')[0], StringComparer.Ordinal)],
        History = [.. image.History
            // Arguments of RUN are listed in the order of their names, or in that of their declarations.
            .Select(line => Arguments().Replace(line, match => $"{match.Groups[1].Value}{string.Join(' ', match.Groups[2].Value.Split(' ').Order(StringComparer.Ordinal))}"))
            // WORKDIR makes a layer with BuildKit when the directory is new; buildah makes it with the next layer.
            .Select(line => line == "WORKDIR (layer)" ? "WORKDIR" : line)],
    };

    private static string PathOf(string line) => line.Split(' ')[0];

    /// <summary>RUN of the exec form or with flags: buildah writes it as it stands, BuildKit writes what was executed.</summary>
    [GeneratedRegex(@"^RUN /bin/sh -c (\[|--)")]
    private static partial Regex Unparsed();

    [GeneratedRegex(@"^(RUN \|\d+ )((?:\w+=\S* )*\w+=\S*)")]
    private static partial Regex Arguments();
}
