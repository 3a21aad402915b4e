using System.Collections.Immutable;
using System.CommandLine;
using Mica.Build;
using Mica.Cli.Building;
using Mica.Cli.CommandLine;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica lock</c>.</summary>
internal sealed class LockCommand : EngineCommand
{
    private readonly Option<string[]> _arguments;
    private readonly Option<bool> _check;
    private readonly Option<string?> _file;
    private readonly Option<string[]> _refresh;
    private readonly Option<bool> _update;

    public LockCommand()
        : base("[OPTIONS] [PATH]", $"Write the digests of a Dockerfile's images, addresses and repositories to {BuildLock.FileName}, for build --locked", ArgumentCount.AtMost(1))
    {
        _arguments = Texts("--build-arg", null, "strings", "Set build-time variables");
        _check = Flag("--check", null, "Tell what has moved since, and change nothing; exit 1 when something has");
        _file = Text("--file", "-f", "string", "Name of the Dockerfile (default PATH/Dockerfile)", Completes.Files);
        _refresh = Texts("--refresh", null, "strings", "Look up this image or address anew");
        _update = Flag("--update", null, "Look up everything anew");
        AddInsecure();
    }

    public override Completes Completes => Completes.Files;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica lock", "what the Dockerfile of this directory uses and is not locked yet"),
        ("mica lock --check", "which tags have moved since"),
        ("mica build --locked -t app .", "a build of what is locked, wherever the tags are"),
    ];

    /// <summary>The lock beside a Dockerfile.</summary>
    public static string PathOf(string directory, string? file) =>
        Path.Join(file is null ? directory : Path.GetDirectoryName(Path.GetFullPath(file)), BuildLock.FileName);

    /// <summary>The lock at a path; null when there is none.</summary>
    public static BuildLock? Read(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        return new FileInfo(path).Length <= BuildLock.MaxSize ? BuildLock.Parse(File.ReadAllBytes(path))
            : throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: too large for a lock");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        string directory = Path.GetFullPath(invocation.Arguments is [var given] ? given : ".");
        string? file = invocation.Value(_file);
        string path = PathOf(directory, file);
        BuildLock? before = Read(path);
        var options = new ImageBuildOptions
        {
            Context = new DirectoryBuildContext(directory),
            DockerfilePath = file is null ? null : Path.GetFullPath(file),
            Arguments = BuildFlag.Arguments(invocation.Value(_arguments) ?? [], invocation.Host.Environment.Variable),
        };
        if (invocation.Value(_check))
        {
            if (before is null)
            {
                throw new MicaException(ErrorKind.NotFound, $"{Printable.Of(path)}: no such file: run mica lock");
            }

            BuildLock now = await engine.Builds.LockAsync(options, before, _ => true, cancellationToken);
            string[] moved = [.. Moved(before, now)];
            invocation.Output.Write(moved.Length == 0 ? "nothing has moved\n" : string.Concat(moved.Select(line => line + "\n")));
            return moved.Length == 0 ? ExitCodes.Success : ExitCodes.Failure;
        }

        HashSet<string> wanted = [.. (invocation.Value(_refresh) ?? []).Select(name => name.Contains("://", StringComparison.Ordinal) || name.StartsWith("git@", StringComparison.Ordinal) ? name : ImageReference.Parse(name).WithDefaultTag().ToString())];
        BuildLock written = await engine.Builds.LockAsync(options, before ?? BuildLock.Empty, name => invocation.Value(_update) || wanted.Contains(name), cancellationToken);
        await ResultFile.WriteAsync(path, System.Text.Encoding.UTF8.GetString(written.ToJson()), cancellationToken);
        foreach (string line in Moved(before ?? BuildLock.Empty, written))
        {
            invocation.Output.Write(line + "\n");
        }

        return ExitCodes.Success;
    }

    private static IEnumerable<string> Moved(BuildLock before, BuildLock now) =>
        [.. Moved(before.Images, now.Images), .. Moved(before.Addresses, now.Addresses), .. Moved(before.Repositories, now.Repositories)];

    private static IEnumerable<string> Moved<T>(ImmutableSortedDictionary<string, T> before, ImmutableSortedDictionary<string, T> now)
        where T : notnull =>
        now.Where(pair => !before.TryGetValue(pair.Key, out T? was) || !was.Equals(pair.Value))
            .Select(pair => $"{Printable.Of(pair.Key)}: {(before.TryGetValue(pair.Key, out T? was) ? $"{was} → " : "")}{pair.Value}");
}
