using System.Collections.Immutable;
using Mica.Oci;
using Mica.Registry;
using Mica.Tests.Registry;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Cli.Sessions;

/// <summary>What the registry of the sessions holds: always the same bytes.</summary>
internal static class SessionImages
{
    private static readonly byte[] s_base = Of(Dir("etc"), File("etc/os-release", new string('d', 20_000)), Dir("bin"), File("bin/sh", new string('s', 70_000)));
    private static readonly byte[] s_app = Of(Dir("app"), File("app/main", new string('a', 5_000)));
    private static readonly byte[] s_arm = Of(Dir("bin"), File("bin/sh", new string('r', 50_000)));

    /// <summary><c>base:1</c>; <c>app:1</c> and <c>app:2</c> on top of it; <c>multi:1</c> for two platforms; <c>bad:1</c>, whose layer is another.</summary>
    public static async Task FillAsync(TestRegistry registry, CancellationToken cancellationToken)
    {
        var content = new MemoryContent();
        Descriptor baseImage = Add(content, "amd64", "2024-05-01T10:00:00Z", [(s_base, "ADD rootfs.tar / # buildkit")]);
        Descriptor first = Add(content, "amd64", "2024-05-31T09:00:00Z",
            [(s_base, "ADD rootfs.tar / # buildkit"), (s_app, "COPY main /app/main\t# with a tab, and longer than a column\u001b[31m")],
            env: ["PATH=/bin", "LANG=C"], labels: new() { ["tier"] = "front", ["team"] = "a<b>&c" });
        Descriptor second = Add(content, "amd64", "1970-01-01T00:00:00Z", [(s_base, "ADD rootfs.tar / # buildkit"), (s_arm, "RUN build")]);
        Descriptor arm = Add(content, "arm64", "2024-05-01T10:00:00Z", [(s_arm, "ADD rootfs.tar /")]);
        Descriptor index = content.Add(MediaTypes.OciIndex, new ImageIndex
        {
            MediaType = MediaTypes.OciIndex,
            Manifests =
            [
                baseImage with { Platform = new Platform { Os = "linux", Architecture = "amd64" } },
                arm with { Platform = new Platform { Os = "linux", Architecture = "arm64" } },
            ],
        }.ToJson());

        await using var client = new RegistryClient(new RegistryClientOptions());
        foreach ((string name, Descriptor root) in new[] { ("base:1", baseImage), ("app:1", first), ("app:2", second), ("multi:1", index) })
        {
            var reference = ImageReference.Parse($"{registry.Host}/{name}");
            RegistryRepository target = client.Repository(reference, progress: null);
            using var copy = new ContentCopy(content, target, new ContentCopyOptions(), progress: null);
            await copy.CopyAsync(root, cancellationToken);
            await target.TagAsync(root, reference.Tag!, cancellationToken);
        }
    }

    private static Descriptor Add(
        MemoryContent content, string architecture, string created, (byte[] Tar, string Command)[] layers,
        ImmutableArray<string>? env = null, Dictionary<string, string>? labels = null)
    {
        Descriptor config = content.Add(MediaTypes.OciConfig, new ImageConfig
        {
            Created = created,
            Os = "linux",
            Architecture = architecture,
            Config = new ContainerConfig { Env = env, Cmd = ["/bin/sh"], Labels = labels?.ToImmutableSortedDictionary(StringComparer.Ordinal) },
            RootFs = new RootFs { Type = "layers", DiffIds = [.. layers.Select(layer => Digest.Of(layer.Tar))] },
            History =
            [
                .. layers.Select(layer => new HistoryEntry { Created = created, CreatedBy = layer.Command, Comment = "buildkit.dockerfile.v0" }),
                new HistoryEntry { Created = created, CreatedBy = "CMD [\"/bin/sh\"]", EmptyLayer = true },
            ],
        }.ToJson());
        return content.Add(MediaTypes.OciManifest, new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = config,
            Layers = [.. layers.Select(layer => content.Add(MediaTypes.OciLayer, layer.Tar))],
        }.ToJson());
    }
}
