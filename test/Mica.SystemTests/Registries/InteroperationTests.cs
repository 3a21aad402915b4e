using System.Text.Json.Nodes;

namespace Mica.SystemTests.Registries;

/// <summary>Other programs push to <c>mica registry serve</c> and pull from it; digests stay what they were.</summary>
public sealed class InteroperationTests(Workbench bench)
{
    [Fact]
    public async Task Skopeo_CopiesEveryFixtureImageInAndOut_ByteForByte()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "skopeo");
        await Shell.ScriptAsync("\"$1\" \"$2\" \"$3\"", bench.Fixture("push-images.sh"), bench.Images.Directory, registry.Address);

        foreach (string name in (string[])["multi:latest", "multi:docker", "python:zstd", "python:docker", "odd:latest"])
        {
            string raw = await Shell.ScriptAsync(
                "skopeo inspect --tls-verify=false --raw \"docker://$1/$2\" | sha256sum | cut -d' ' -f1", registry.Address, name);
            Assert.Equal(bench.Images[name].Digest, "sha256:" + raw.Trim());
            await Shell.ScriptAsync(
                "skopeo copy -q --all --preserve-digests --src-tls-verify=false \"docker://$1/$2\" \"dir:$3\"", registry.Address, name, bench.NewDirectory("out"));
        }

        JsonNode tags = JsonNode.Parse(await Shell.ScriptAsync("skopeo list-tags --tls-verify=false \"docker://$1/python\"", registry.Address))!;
        Assert.Equal(["3", "docker", "zstd"], tags["Tags"]!.AsArray().Select(tag => (string)tag!));
        await Shell.ScriptAsync("skopeo delete --tls-verify=false \"docker://$1/python:3\"", registry.Address);
        Assert.Null(await registry.BytesAsync("/v2/python/manifests/3"));
        Assert.NotNull(await registry.BytesAsync("/v2/python/manifests/zstd"));
    }

    [Theory]
    [InlineData("buildah")]
    [InlineData("podman")]
    public async Task BuildahAndPodman_PullAndPush(string program)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        Assert.SkipUnless((await Shell.RunAsync(["sh", "-c", "command -v \"$0\"", program])).ExitCode == 0, $"{program} is not installed");
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, program);
        await Shell.ScriptAsync(
            "\"$1\" \"$2\" \"$3\" busybox:latest debian:bookworm-slim", bench.Fixture("push-images.sh"), bench.Images.Directory, registry.Address);

        // A short name: podman takes 50 characters.
        string directory = bench.NewDirectory("p");

        await Shell.ScriptAsync(
            """
            program=$1 address=$2 dir=$3
            go() { "$program" --root "$dir/root" --runroot "$dir/run" --storage-driver vfs "$@"; }
            go pull -q --tls-verify=false "$address/busybox:latest"
            go pull -q --tls-verify=false "$address/debian:bookworm-slim"
            go tag "$address/debian:bookworm-slim" "$address/team/debian:pushed"
            go push -q --tls-verify=false "$address/team/debian:pushed"
            go push -q --tls-verify=false --format v2s2 "$address/busybox:latest" "docker://$address/team/busybox:docker"
            """,
            program,
            registry.Address,
            directory);

        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{registry.Address}/team/debian:pushed");
        await mica.RunAsync("pull", "-q", $"{registry.Address}/team/busybox:docker");
        Assert.Equal(
            (await mica.InspectAsync($"{registry.Address}/team/debian:pushed"))["RootFS"]!["Layers"]!.AsArray().Select(layer => (string)layer!),
            bench.Images["debian:bookworm-slim"].Layers.Select(layer => layer.DiffId));
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Mica_PushesPullsCopiesAndListsWithoutLoss()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "mica");
        await using MicaRoot mica = bench.NewRoot();
        string name = $"{registry.Address}/team/python:1";

        await mica.RunAsync("copy", "--all", $"docker://{bench.Registry.Address}/multi:latest", $"docker://{registry.Address}/team/multi:1");
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/python:3");
        await mica.RunAsync("tag", $"{bench.Registry.Address}/python:3", name);
        await mica.RunAsync("push", "-q", name);
        await mica.RunAsync("rmi", name, $"{bench.Registry.Address}/python:3");
        await mica.RunAsync("pull", "-q", name);

        Assert.Equal(bench.Images["python:3"].Config, (string)(await mica.InspectAsync(name))["Id"]!);
        byte[] index = (await registry.BytesAsync("/v2/team/multi/manifests/1"))!;
        Assert.Equal(bench.Images["multi:latest"].Digest, ServedRegistry.DigestOf(index));
        await mica.RunAsync("copy", "--all", $"docker://{registry.Address}/team/multi:1", $"docker://{bench.Registry.Address}/served/multi:1");
        Assert.Equal(bench.Images["multi:latest"].Digest, await bench.Registry.DigestOfAsync("served/multi:1"));
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Push_KilledRegistry_EndsAfterTheNextStart()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "again");
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/odd:latest");
        await mica.RunAsync("tag", $"{bench.Registry.Address}/odd:latest", $"{registry.Address}/odd:1");
        await registry.KillAsync();
        Assert.Equal(1, (await mica.TryAsync("push", "-q", $"{registry.Address}/odd:1")).ExitCode);

        await registry.StartAsync();
        await mica.RunAsync("tag", $"{bench.Registry.Address}/odd:latest", $"{registry.Address}/odd:1");
        await mica.RunAsync("push", "-q", $"{registry.Address}/odd:1");

        Assert.Equal(bench.Images["odd:latest"].Digest, ServedRegistry.DigestOf((await registry.BytesAsync("/v2/odd/manifests/1"))!));
    }
}
