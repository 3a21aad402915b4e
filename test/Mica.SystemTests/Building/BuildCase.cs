using System.Runtime.CompilerServices;

namespace Mica.SystemTests.Building;

/// <summary>
/// One folder of <c>Dockerfiles</c>: a <c>Dockerfile</c>; the context's files in <c>context/</c>, to which <c>prepare.sh</c>
/// adds what a repository does not keep; <c>base.Dockerfile</c> for an image NAME-base that is built before; <c>flags</c>, words
/// for the command line. With <c>expected.txt</c> the result is compared with that, else with buildah's.
/// </summary>
public sealed class BuildCase(string name, string? root = null)
{
    private static readonly string Root = Path.Combine(Path.GetDirectoryName(OwnFile())!, "Dockerfiles");

    public static IEnumerable<string> Names(bool withExpectation) => Directory.GetDirectories(Root)
        .Where(directory => File.Exists(Path.Combine(directory, "expected.txt")) == withExpectation)
        .Select(directory => Path.GetFileName(directory)).Order(StringComparer.Ordinal);

    private readonly string _directory = Path.Combine(root ?? Root, name);

    public string Name => name;

    /// <summary>The Dockerfile of the image NAME-base; null: the case needs none.</summary>
    public string? BaseDockerfile => Existing("base.Dockerfile");

    public string[] Flags => Existing("flags") is { } file ? File.ReadAllText(file).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries) : [];

    public string Dockerfile => Path.Combine(_directory, "Dockerfile");

    public string[] Expected => [.. File.ReadAllLines(Path.Combine(_directory, "expected.txt"))
        .Where(line => line.Length > 0 && !line.StartsWith('#'))];

    /// <summary>Makes the context in a new directory; the same for all who build it.</summary>
    public async Task<string> ContextAsync(Workbench bench)
    {
        string context = bench.NewDirectory("context-" + name);
        await Shell.ScriptAsync(
            """
            umask 022
            [ ! -d "$1/context" ] || cp -R -P "$1/context/." "$2"
            find "$2" -type d -exec chmod 755 {} + -o -type f -perm /100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
            cd "$2"
            [ ! -e "$1/prepare.sh" ] || bash -euo pipefail "$1/prepare.sh"
            find . -exec touch -h -d @1600000000 {} +
            """,
            _directory, context);
        return context;
    }

    /// <summary>The case again, where everybody may read it.</summary>
    public async Task<BuildCase> CopyAsync(Workbench bench)
    {
        string copies = bench.NewDirectory("cases");
        await Shell.ScriptAsync("cp -R -P \"$1\" \"$2\"; chmod -R a+rX \"$2\"", _directory, copies);
        return new BuildCase(name, copies);
    }

    private string? Existing(string file) => Path.Combine(_directory, file) is var path && File.Exists(path) ? path : null;

    private static string OwnFile([CallerFilePath] string path = "") => path;
}
