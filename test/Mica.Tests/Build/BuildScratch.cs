using Mica.Build;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Tests.Build;

/// <summary>A store, a context and whatever is built in them; removed at the end.</summary>
public sealed class BuildScratch : IAsyncDisposable, IBaseImages, IProgress<BuildEvent>
{
    private readonly string _root = Directory.CreateTempSubdirectory("mica-build-").FullName;
    private ImageStore? _store;

    public string Context => Directory.CreateDirectory(Path.Join(_root, "context")).FullName;

    public ImageStore Store => _store ?? throw new InvalidOperationException("not opened");

    public List<BuildEvent> Events { get; } = [];

    /// <summary>Is told what happens, when it happens.</summary>
    public Action<BuildEvent>? Happened { get; set; }

    /// <summary>What asking for an image that the store does not have ends with; not found where it is null.</summary>
    public MicaException? Missing { get; set; }

    public IEnumerable<string> Reasons => Events.OfType<StepExplained>().Select(one => one.Reason);

    /// <summary>Executed and cached steps of the last build.</summary>
    public (int Executed, int Cached) Counts { get; private set; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<BuildScratch> OpenAsync()
    {
        var scratch = new BuildScratch();
        scratch._store = await ImageStore.OpenAsync(new StoreOptions { Root = Path.Join(scratch._root, "store"), Durable = false }, Token);
        return scratch;
    }

    public void File(string path, string content)
    {
        string full = Path.Join(Context, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        System.IO.File.WriteAllText(full, content);
    }

    /// <summary>Builds and names the image.</summary>
    public async Task<Image> BuildAsync(string dockerfile, string name = "built", Func<BuildOptions, BuildOptions>? change = null, string binfmt = "/proc/sys/fs/binfmt_misc")
    {
        Events.Clear();
        var options = new BuildOptions
        {
            Dockerfile = DockerfileDocument.Parse(dockerfile),
            DockerfileId = "test",
            ContextDirectory = Context,
            Explain = true,
        };
        await using StoreLease lease = await Store.LeaseAsync("build", Token);
        using var containers = new ContainerRunner(new RuntimeOptions(Path.Join(_root, "run"), Path.Join(_root, "scratch")) { BinfmtDirectory = binfmt });
        var build = new ImageBuild(Store, lease, this, () => new StepContainers(containers, null), TimeProvider.System);
        BuildResult result = await build.RunAsync(change is null ? options : change(options), this, Token);
        Counts = (result.Executed, result.Cached);
        await lease.CommitImageAsync(result.Manifest, ImageReference.Parse(name), "build", Token);
        return await Image.OpenAsync(Store, result.Manifest, Platform.Current, Token);
    }

    /// <summary>The tree of an image: one line for each entry, <c>path mode uid:gid content</c>.</summary>
    public async Task<string[]> TreeAsync(Image image)
    {
        using var stack = new LayerStack(await Store.TreesAsync(image.Config.RootFs.DiffIds, Token), LayerWorkspace.WhiteoutForm);
        var lines = new List<string>();
        Visit(default);
        return [.. lines];

        void Visit(LinuxPath directory)
        {
            foreach (byte[] name in stack.List(directory))
            {
                LinuxPath path = directory.IsEmpty ? new(name) : new([.. directory.Bytes, (byte)'/', .. name]);
                FileStatus status = stack.Find(path)!.Value;
                string what = status.Kind switch
                {
                    FileKind.Directory => "directory",
                    FileKind.SymbolicLink => "-> " + System.Text.Encoding.UTF8.GetString(stack.ReadSymbolicLink(path)),
                    FileKind.File => Content(path, status),
                    _ => status.Kind.ToString(),
                };
                lines.Add($"{path} {Convert.ToString(status.Mode, 8)} {status.Uid}:{status.Gid} {what}");
                if (status.Kind == FileKind.Directory)
                {
                    Visit(path);
                }
            }
        }

        string Content(LinuxPath path, FileStatus status)
        {
            if (status.Size > 100)
            {
                return $"{status.Size} bytes";
            }

            byte[] bytes = new byte[status.Size];
            using Microsoft.Win32.SafeHandles.SafeFileHandle file = stack.OpenFile(path);
            RandomAccess.Read(file, bytes, 0);
            return $"\"{System.Text.Encoding.UTF8.GetString(bytes).ReplaceLineEndings("|")}\"";
        }
    }

    public async Task<(Image Image, bool IsComplete)> OpenAsync(
        ImageReference reference, Platform platform, bool pull, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        if (await Store.FindAsync(reference.ToString(), cancellationToken) is not { } image)
        {
            throw Missing ?? new MicaException(ErrorKind.NotFound, $"{reference.Familiar}: not found");
        }

        return (await Image.OpenAsync(Store, image.Root, platform, cancellationToken), true);
    }

    public Task FetchAsync(ImageReference reference, Platform platform, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken) => Task.CompletedTask;

    void IProgress<BuildEvent>.Report(BuildEvent value)
    {
        Events.Add(value);
        Happened?.Invoke(value);
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        LinuxFileSystem.RemoveTree(_root);
    }
}
