using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Build;

/// <summary>What a stage begins with.</summary>
internal static class BaseState
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Nothing at all: <c>FROM scratch</c>.</summary>
    public static StageState Scratch(Platform platform) => new()
    {
        Config = new ImageConfig
        {
            Architecture = platform.Architecture,
            Variant = platform.Variant,
            Os = platform.Os,
            Config = new ContainerConfig
            {
                Env = ["PATH=" + DefaultPath],
                WorkingDir = "/",
            },
            RootFs = new RootFs { Type = "layers" },
        },
        Scope = VariableScope.Empty.WithEnvironment("PATH", DefaultPath),
    };

    /// <summary>An image. Its triggers are the caller's to run.</summary>
    public static StageState Of(Image image)
    {
        VariableScope scope = VariableScope.Empty;
        foreach (string line in image.Config.Config?.Env ?? [])
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                scope = scope.WithEnvironment(line[..equals], line[(equals + 1)..]);
            }
        }

        return new StageState
        {
            Layers = [.. image.Layers],
            // A cache inside speaks of the base's own steps.
            Config = image.Config with { BuildCache = null },
            History = image.Config.History,
            Scope = scope,
            LastChange = Timestamp.Read(image.Config.Created),
            BaseImage = new BaseImageState(image.Id, image.Manifest.Layers.Length, image.Config.History.Length),
        };
    }
}
