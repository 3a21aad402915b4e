using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>
/// The Dockerfile and the context of a build, read. <paramref name="Id"/> names the Dockerfile and is the same the next time;
/// <paramref name="Ignored"/> is null when there is no ignore file.
/// </summary>
internal sealed record BuildInput(DockerfileDocument Document, string Id, string? ContextDirectory, IgnoreFile? Ignored)
{
    /// <summary>The time of the context; null for a directory of this machine.</summary>
    public DateTimeOffset? ContextTime { get; init; }

    /// <summary>The commit of a git context.</summary>
    public string? Commit { get; init; }

    private const string DefaultName = "Dockerfile";

    /// <summary>Reads the Dockerfile; what is ignored is not known yet.</summary>
    public static async Task<BuildInput> ReadAsync(ContextOpening opening, ImageBuildOptions options, CancellationToken cancellationToken)
    {
        OpenedContext context = await opening.OpenAsync(options.Context, cancellationToken);
        (byte[] content, string name, string path) = await Task.Run(() => ReadDockerfile(context, options), cancellationToken);
        return new BuildInput(DockerfileDocument.Parse(content, name), path, context.Directory, null) { ContextTime = context.Time, Commit = context.Commit };
    }

    /// <summary>The same with its ignore file, if there is one.</summary>
    public BuildInput WithIgnoreFile() => ContextDirectory is null ? this : this with { Ignored = FindIgnoreFile(ContextDirectory, Id) };

    /// <summary>The ignore file of a context that is no build's first.</summary>
    public static PatternList PatternsOf(string directory) => FindIgnoreFile(directory, null)?.Patterns ?? PatternList.Empty;

    private static (byte[] Content, string Name, string Path) ReadDockerfile(OpenedContext context, ImageBuildOptions options)
    {
        if (options.DockerfileContent is { } stream)
        {
            return (ContextOpening.ReadDockerfile(stream, "stdin"), DefaultName, $"{context.Id}/-");
        }

        if (context.Dockerfile is { } content)
        {
            return options.DockerfilePath is null ? (content, DefaultName, $"{context.Id}/{DefaultName}")
                : throw new MicaException(ErrorKind.InvalidArgument, $"ambiguous Dockerfile source: both {context.Id} and --file are Dockerfiles");
        }

        string named = options.DockerfilePath ?? DefaultName;
        bool isLocal = options.Context is DirectoryBuildContext;
        string path = isLocal ? Path.GetFullPath(named, context.Directory!) : InContext(context.Directory!, named);
        if (options.DockerfilePath is null && !File.Exists(path) && File.Exists(Path.Join(context.Directory, "dockerfile")))
        {
            path = Path.Join(context.Directory, "dockerfile");
        }

        return (Read(path, named), Path.GetFileName(path), isLocal ? path : $"{context.Id}/{named}");
    }

    /// <summary>In a context from elsewhere, a path means something in it: neither <c>..</c> nor a link leads out.</summary>
    private static string InContext(string directory, string named)
    {
        string path = directory;
        foreach (string name in named.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            path = Path.Join(path, name);
            if (name == ".." || new FileInfo(path).LinkTarget is not null)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"the Dockerfile ({Printable.Of(named)}) must be within the build context");
            }
        }

        return path;
    }

    private static byte[] Read(string path, string named)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return ContextOpening.ReadDockerfile(file, Printable.Of(named));
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new MicaException(ErrorKind.NotFound, $"failed to read dockerfile: open {Printable.Of(named)}: no such file or directory", failure);
        }
        catch (UnauthorizedAccessException failure)
        {
            throw new MicaException(ErrorKind.PermissionDenied,
                $"failed to read dockerfile: open {Printable.Of(named)}: {(Directory.Exists(path) ? "is a directory" : "permission denied")}", failure);
        }
    }

    private static IgnoreFile? FindIgnoreFile(string directory, string? dockerfile)
    {
        // Candidates that are relative are the context's.
        foreach (string candidate in dockerfile is null ? [".dockerignore"] : IgnoreFile.Candidates(dockerfile))
        {
            string path = Path.GetFullPath(candidate, directory);
            if (!File.Exists(path))
            {
                continue;
            }

            try
            {
                return IgnoreFile.Parse(File.ReadAllBytes(path), Path.GetFileName(path));
            }
            catch (UnauthorizedAccessException failure)
            {
                throw new MicaException(ErrorKind.PermissionDenied, $"{Printable.Of(path)}: permission denied", failure);
            }
        }

        return null;
    }
}
