using System.Security.Cryptography;
using Mica.Build;

namespace Mica.Engine;

/// <summary>What a provenance tells of where a build came from.</summary>
internal static class BuildOrigin
{
    private const int IdLength = 32;

    public static BuildInvocation Of(ImageBuildOptions options, BuildInput input, EngineOptions engine) => new()
    {
        ContextUri = options.Context switch
        {
            GitBuildContext(var address) => address.ToString(),
            WebBuildContext(var address) => WebDownload.Shown(address),
            _ => null,
        },
        Commit = input.Commit,
        DockerfilePath = PathOf(options),
        Names = options.Names,
        Version = engine.Registry.Version,
        Id = RandomNumberGenerator.GetHexString(IdLength, lowercase: true),
        Platform = engine.Platform,
    };

    /// <summary>A path in the context; of a file elsewhere on this machine the name, since where it lies is nobody's business.</summary>
    private static string PathOf(ImageBuildOptions options)
    {
        const string Usual = "Dockerfile";
        if (options.DockerfilePath is not { } path || options.DockerfileContent is not null)
        {
            return Usual;
        }

        string relative = options.Context is DirectoryBuildContext(var directory)
            ? Path.GetRelativePath(Path.GetFullPath(directory), Path.GetFullPath(path, Path.GetFullPath(directory))) : path;
        return relative.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(relative) ? Path.GetFileName(path) : relative;
    }
}
