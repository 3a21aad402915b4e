using Mica.Build;
using Mica.Engine;
using Mica.Linux;

namespace Mica.Tests.Builds;

/// <summary>An engine over a new store, and a context; removed at the end.</summary>
internal sealed class EngineScratch : IAsyncDisposable, IProgress<BuildEvent>
{
    private EngineScratch(string root, Mica.Engine.Engine engine)
    {
        Root = root;
        Engine = engine;
    }

    public string Root { get; }

    public Mica.Engine.Engine Engine { get; }

    public List<BuildEvent> Events { get; } = [];

    public string Context => Directory.CreateDirectory(Path.Join(Root, "context")).FullName;

    public static async Task<EngineScratch> OpenAsync()
    {
        string root = Directory.CreateTempSubdirectory("mica-builds-").FullName;
        var options = new EngineOptions { Root = Path.Join(root, "store"), Durable = false };
        return new EngineScratch(root, await Mica.Engine.Engine.OpenAsync(options, TestContext.Current.CancellationToken));
    }

    public string File(string path, string content)
    {
        string full = Path.Join(Context, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        System.IO.File.WriteAllText(full, content);
        return full;
    }

    public Task<BuiltImage> BuildAsync(ImageBuildOptions options) => Engine.Builds.BuildAsync(options, this, TestContext.Current.CancellationToken);

    /// <summary>The files of an image: a line for each, <c>path content</c>.</summary>
    public async Task<string[]> FilesAsync(ImageBuildOptions options)
    {
        string directory = Path.Join(Root, "out");
        await BuildAsync(options with { Outputs = [new LocalOutput(directory)] });
        return [.. Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => $"{Path.GetRelativePath(directory, file)} {System.IO.File.ReadAllText(file)}")];
    }

    void IProgress<BuildEvent>.Report(BuildEvent value) => Events.Add(value);

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        LinuxFileSystem.RemoveTree(Root);
    }
}
