using System.Text.Json.Nodes;

namespace Mica.SystemTests;

/// <summary>mica manifest: indexes made by hand.</summary>
public sealed class ManifestTests(Workbench bench)
{
    [Fact]
    public async Task ManifestInspect_Remote_PrintsTheDocument()
    {
        await using MicaRoot mica = bench.NewRoot();

        JsonNode document = JsonNode.Parse(await mica.RunAsync("manifest", "inspect", $"{bench.Registry.Address}/multi:latest"))!;

        Assert.Equal(2, document["manifests"]!.AsArray().Count);
    }

    [Fact]
    public async Task ManifestCreateAnnotatePush_MakesAnIndexThatSkopeoReads()
    {
        await using LoopbackRegistry other = await bench.StartRegistryAsync("manifest");
        await other.PushAsync(bench.Images, "multi:latest");
        await using MicaRoot mica = bench.NewRoot();
        IReadOnlyDictionary<string, string> platforms = bench.Images.Platforms("multi:latest");
        string amd64 = $"{other.Address}/multi@{platforms["amd64"]}", arm64 = $"{other.Address}/multi@{platforms["arm64"]}";
        string made = $"{other.Address}/multi:made";

        await mica.RunAsync("manifest", "create", made, amd64, arm64);
        await mica.RunAsync("manifest", "annotate", "--variant", "v8", made, arm64);
        await mica.RunAsync("manifest", "push", made);

        JsonNode index = JsonNode.Parse(await Shell.ScriptAsync("skopeo inspect --raw --tls-verify=false \"docker://$1\"", made))!;
        Assert.Equal(
            [("amd64", null, platforms["amd64"]), ("arm64", "v8", platforms["arm64"])],
            index["manifests"]!.AsArray().Select(entry => (
                (string)entry!["platform"]!["architecture"]!, (string?)entry["platform"]!["variant"], (string)entry["digest"]!)));
        await Shell.ScriptAsync("skopeo copy -q --all --src-tls-verify=false \"docker://$1\" \"dir:$2\"", made, bench.NewDirectory("copied"));
    }
}
