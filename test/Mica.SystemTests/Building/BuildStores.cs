using System.Text.Json.Nodes;

namespace Mica.SystemTests.Building;

/// <summary>A store of mica's and one of buildah's, both with <c>busybox</c> in them, for all comparisons of a run.</summary>
public sealed class BuildStores(Workbench bench) : IAsyncLifetime
{
    private readonly string _buildah = bench.NewDirectory("buildah");
    private MicaRoot _mica = null!;
    private MicaRoot _user = null!;

    /// <summary>The files of <c>busybox</c>, as GNU tar has them.</summary>
    public string[] BaseTree { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        string name = $"{bench.Registry.Address}/busybox:latest";
        _mica = bench.NewRoot();
        await _mica.RunAsync("pull", "-q", name);
        await _mica.RunAsync("tag", name, "busybox");
        if (Workbench.IsRoot)
        {
            _user = await OrdinaryUser.NewRootAsync(bench, withSubordinateIds: true);
            await _user.RunAsync("pull", "-q", name);
            await _user.RunAsync("tag", name, "busybox");
            await BuildahAsync("pull", "-q", "--tls-verify=false", name);
            await BuildahAsync("tag", name, "docker.io/library/busybox:latest");
        }

        string tree = bench.NewDirectory("base");
        await Shell.ScriptAsync("tar -xpf \"$1\" -C \"$2\" --numeric-owner", bench.Images["busybox:latest"].Layers[0].File, tree);
        BaseTree = await FileTree.ListAsync(tree);
    }

    public Workbench Bench => bench;

    public MicaRoot Mica => _mica;

    /// <summary>What mica makes of a case, read by umoci.</summary>
    public Task<ImageText> BuildWithMicaAsync(BuildCase one, string context) => BuildAsync(_mica, one, context);

    /// <summary>What mica makes of it when a user with subordinate ids builds, whose the context's files are.</summary>
    public async Task<ImageText> BuildAsUserAsync(BuildCase one, string context)
    {
        // Not by chown, which would clear setuid.
        string own = bench.NewDirectory("own-" + one.Name);
        await Shell.ScriptAsync(
            "tar -C \"$1\" --owner=\"$3\" --group=\"$3\" --numeric-owner -cf - . | tar -C \"$2\" -xpf -", context, own, $"{OrdinaryUser.Id}");
        return await BuildAsync(_user, await one.CopyAsync(bench), own);
    }

    private static async Task<ImageText> BuildAsync(MicaRoot mica, BuildCase one, string context)
    {
        string layout = Directory.CreateDirectory(Path.Combine(mica.Home, "layout-" + Path.GetRandomFileName())).FullName;
        File.SetUnixFileMode(layout, (UnixFileMode)0x1ff);
        if (one.BaseDockerfile is { } below)
        {
            await mica.RunAsync("build", "-q", "-t", one.Name + "-base", "-f", below, context);
        }

        (await mica.TryAsync(
            ["build", "-t", one.Name, "-o", $"type=oci,dest={layout}/image.tar", "-f", one.Dockerfile, .. one.Flags, context])).Succeeded();
        await Shell.ScriptAsync("tar -xf \"$1/image.tar\" -C \"$1\"", layout);
        JsonNode config = await ConfigAsync(layout);
        return new ImageText(ImageText.ConfigOf(config), ImageText.HistoryOf(config), await TreeAsync(layout));
    }

    /// <summary>What buildah makes of it.</summary>
    public async Task<ImageText> BuildWithBuildahAsync(BuildCase one, string context)
    {
        string layout = bench.NewDirectory("buildah-layout");
        string[] bud = ["bud", "-q", "--isolation", "chroot", "--layers", "--format", "docker", "--pull-never"];
        if (one.BaseDockerfile is { } below)
        {
            await BuildahAsync([.. bud, "-t", one.Name + "-base", "-f", below, context]);
        }

        await BuildahAsync([.. bud, "-t", one.Name, "-f", one.Dockerfile, .. one.Flags, context]);
        await BuildahAsync("push", "-q", "--disable-compression", one.Name, $"oci:{layout}:{one.Name}");
        JsonNode config = JsonNode.Parse(await BuildahAsync("inspect", "--type", "image", one.Name))!["Docker"]!;
        return new ImageText(ImageText.ConfigOf(config), ImageText.HistoryOf(config), await TreeAsync(layout));
    }

    public async ValueTask DisposeAsync()
    {
        // Overlays of steps that failed stay mounted.
        await Shell.ScriptAsync(
            """
            awk -v root="$1/" 'index($2, root) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n1 umount
            rm -rf -- "$1"
            """, _buildah);
        await _mica.DisposeAsync();
        await (_user?.DisposeAsync() ?? default);
    }

    private static async Task<JsonNode> ConfigAsync(string layout)
    {
        JsonNode Blob(JsonNode descriptor) =>
            JsonNode.Parse(File.ReadAllBytes(Path.Combine(layout, "blobs", ((string)descriptor["digest"]!).Replace(':', '/'))))!;
        JsonNode index = JsonNode.Parse(await File.ReadAllBytesAsync(Path.Combine(layout, "index.json")))!;
        return Blob(Blob(index["manifests"]![0]!)["config"]!);
    }

    private static async Task<string[]> TreeAsync(string layout)
    {
        string tree = Path.Combine(layout, "tree");
        string tag = (string)JsonNode.Parse(await File.ReadAllBytesAsync(Path.Combine(layout, "index.json")))!
            ["manifests"]![0]!["annotations"]!["org.opencontainers.image.ref.name"]!;
        await Shell.ScriptAsync("umoci raw unpack --image \"$1:$2\" \"$3\" 2>&1", layout, tag, tree);
        return await FileTree.ListAsync(tree);
    }

    private async Task<string> BuildahAsync(params string[] words) => (await Shell.RunAsync(
        ["buildah", "--root", $"{_buildah}/root", "--runroot", $"{_buildah}/run", "--storage-driver", "overlay", .. words],
        new Dictionary<string, string?> { ["BUILDAH_FORMAT"] = null, ["REGISTRY_AUTH_FILE"] = null })).Succeeded().Output;
}
