using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Mica.SystemTests;

/// <summary>What is shown of the images in a store: images, history, inspect, system df.</summary>
public sealed partial class ListingTests(Workbench bench)
{
    [Fact]
    public async Task Images_Table_HasDockersColumns()
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest", "python:3", "node:18");

        string[] lines = (await mica.RunAsync("images")).TrimEnd('\n').Split('\n');

        Assert.Matches("^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$", lines[0]);
        Assert.Equal(4, lines.Length);
        Assert.All(lines[1..], line => Assert.Matches(@"^127\.0\.0\.1:\d+/\w+ +\S+ +[0-9a-f]{12} +\d+ (months|years) ago +[\d.]+[kMG]?B$", line));
        Assert.Contains(lines, line => line.Contains(bench.Images["python:3"].Config[7..19], StringComparison.Ordinal));
    }

    [Fact]
    public async Task Images_Digests_ShowsWhatTheRegistryServes()
    {
        await using MicaRoot mica = await PulledAsync("multi:latest");

        string[] lines = (await mica.RunAsync("images", "--digests")).TrimEnd('\n').Split('\n');

        Assert.Matches("^REPOSITORY +TAG +DIGEST +IMAGE ID +CREATED +SIZE$", lines[0]);
        Assert.Contains(bench.Images["multi:latest"].Digest, lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_QuietNoTrunc_AreWholeIds()
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest");

        Assert.Equal(bench.Images["busybox:latest"].Config + "\n", await mica.RunAsync("images", "-q", "--no-trunc"));
        Assert.Equal(bench.Images["busybox:latest"].Config[7..19] + "\n", await mica.RunAsync("images", "-q"));
    }

    [Theory]
    [InlineData("label=org.example.kind=node", "node:18")]
    [InlineData("label=org.example.kind", "node:18 python:3")]
    [InlineData("reference=*/python:*", "python:3")]
    [InlineData("dangling=true", "")]
    public async Task Images_Filter_SelectsAsDockerDoes(string filter, string expected)
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest", "python:3", "node:18");

        string output = await mica.RunAsync("images", "--filter", filter, "--format", "{{.Repository}}:{{.Tag}}");

        string[] names = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(name => name[(name.IndexOf('/') + 1)..]).Order(StringComparer.Ordinal)];
        Assert.Equal(expected, string.Join(' ', names));
    }

    [Fact]
    public async Task Images_FormatJson_HasDockersKeys()
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest");

        JsonObject row = JsonNode.Parse((await mica.RunAsync("images", "--format", "json")).TrimEnd())!.AsObject();

        Assert.Equal(
            ["Containers", "CreatedAt", "CreatedSince", "Digest", "ID", "Repository", "SharedSize", "Size", "Tag", "UniqueSize"],
            row.Select(member => member.Key).Order(StringComparer.Ordinal));
        Assert.Equal("latest", (string)row["Tag"]!);
    }

    [Fact]
    public async Task Images_Tree_ShowsThePlatforms()
    {
        await using MicaRoot mica = await PulledAsync("multi:latest");

        string output = await mica.RunAsync("images", "--tree");

        Assert.Matches("(?m)^.*linux/amd64.*$", output);
        Assert.Matches("(?m)^.*linux/arm64.*$", output);
    }

    [Fact]
    public async Task History_Table_TellsEveryStep()
    {
        await using MicaRoot mica = await PulledAsync("python:3");
        FixtureImage image = bench.Images["python:3"];

        string[] lines = (await mica.RunAsync("history", $"{bench.Registry.Address}/python:3")).TrimEnd('\n').Split('\n');

        Assert.Matches("^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$", lines[0]);
        Assert.Equal(image.Layers.Count + 2, lines.Length);
        Assert.StartsWith(image.Config[7..19], lines[1], StringComparison.Ordinal);
        Assert.Contains(" 0B", lines[1], StringComparison.Ordinal);
        Assert.All(lines[2..], line => Assert.Matches(@"^<missing> +\d+ \w+ ago +/bin/sh -c #\(nop\) ADD \w+\.tar in / +[\d.]+[kM]?B +make-images *$", line));
    }

    [Fact]
    public async Task History_NoTruncNotHuman_GivesTimesAndBytes()
    {
        await using MicaRoot mica = await PulledAsync("odd:latest");

        string output = await mica.RunAsync("history", "--human=false", "--no-trunc", "--format", "{{.CreatedAt}} {{.Size}} {{.CreatedBy}}", $"{bench.Registry.Address}/odd");

        string[] lines = output.TrimEnd('\n').Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.All(lines, line => Assert.Matches(@"^2024-01-02T03:04:05Z \d+ /bin/sh ", line));
    }

    [Fact]
    public async Task History_Layers_NamesTheLayerAndWhoSharesIt()
    {
        await using MicaRoot mica = await PulledAsync("python:3", "node:18");
        FixtureImage image = bench.Images["python:3"];

        string output = await mica.RunAsync("history", "--layers", "--no-trunc", $"{bench.Registry.Address}/python:3");

        Assert.All(image.Layers, layer =>
        {
            string row = Assert.Single(output.Split('\n'), line => line.Contains(layer.Digest, StringComparison.Ordinal));
            Assert.Contains(layer.DiffId, row, StringComparison.Ordinal);
        });
        Assert.Contains($"{bench.Registry.Address}/node:18", Assert.Single(output.Split('\n'), line => line.Contains(image.Layers[0].Digest, StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.DoesNotContain("node:18", Assert.Single(output.Split('\n'), line => line.Contains(image.Layers[2].Digest, StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_Image_TellsWhatItsConfigSays()
    {
        await using MicaRoot mica = await PulledAsync("python:3");
        FixtureImage image = bench.Images["python:3"];

        JsonNode inspected = await mica.InspectAsync($"{bench.Registry.Address}/python:3");

        Assert.Equal(image.Config, (string)inspected["Id"]!);
        Assert.Equal($"{bench.Registry.Address}/python:3", (string)inspected["RepoTags"]![0]!);
        Assert.Equal("2024-01-02T03:04:05.678901234Z", (string)inspected["Created"]!);
        Assert.Equal("linux", (string)inspected["Os"]!);
        Assert.Equal("1000", (string)inspected["Config"]!["User"]!);
        Assert.Equal("/app", (string)inspected["Config"]!["WorkingDir"]!);
        Assert.Equal("SIGINT", (string)inspected["Config"]!["StopSignal"]!);
        Assert.NotNull(inspected["Config"]!["ExposedPorts"]!["8080/tcp"]);
        Assert.Equal(image.Layers.Select(layer => layer.DiffId), inspected["RootFS"]!["Layers"]!.AsArray().Select(id => (string)id!));
        Assert.True((long)inspected["Size"]! > image.Layers.Sum(layer => layer.Size));
    }

    [Theory]
    [InlineData("{{.Os}}/{{.Architecture}}", "linux/amd64")]
    [InlineData("{{json .Config.Env}}", """["PATH=/usr/local/bin:/usr/bin:/bin","LANG=C.UTF-8"]""")]
    [InlineData("{{range .Config.Env}}[{{.}}]{{end}}", "[PATH=/usr/local/bin:/usr/bin:/bin][LANG=C.UTF-8]")]
    [InlineData("{{index .Config.Labels \"org.example.kind\"}}", "python")]
    [InlineData("{{len .RootFS.Layers}}", "4")]
    [InlineData("{{join .Config.Entrypoint \" \"}}", "python3")]
    [InlineData("{{if .Config.User}}user {{.Config.User}}{{else}}root{{end}}", "user 1000")]
    public async Task Inspect_Format_IsTheTemplateLanguageThatScriptsUse(string format, string expected)
    {
        await using MicaRoot mica = await PulledAsync("python:3");

        Assert.Equal(expected + "\n", await mica.RunAsync("inspect", "--format", format, $"{bench.Registry.Address}/python:3"));
    }

    [Fact]
    public async Task Inspect_Remote_NeedsNoPull()
    {
        await using MicaRoot mica = bench.NewRoot();

        JsonNode inspected = Assert.Single(JsonNode.Parse(await mica.RunAsync("inspect", "--remote", $"{bench.Registry.Address}/python:3"))!.AsArray())!;

        Assert.Equal(bench.Images["python:3"].Config, (string)inspected["Id"]!);
        Assert.Equal("", await mica.RunAsync("images", "-q"));
    }

    [Fact]
    public async Task Inspect_Unknown_PrintsAnEmptyArrayAndFails()
    {
        await using MicaRoot mica = bench.NewRoot();

        CommandResult result = await mica.TryAsync("inspect", "nothing-like-this");

        Assert.Equal((1, "[]\n"), (result.ExitCode, result.Output));
        Assert.Contains("no such object: nothing-like-this", result.Errors, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task SystemDf_SharedLayers_CountOnce()
    {
        await using MicaRoot mica = await PulledAsync("python:3", "node:18");
        long python = (long)(await mica.InspectAsync($"{bench.Registry.Address}/python:3"))["Size"]!;
        long node = (long)(await mica.InspectAsync($"{bench.Registry.Address}/node:18"))["Size"]!;

        string[] summary = (await mica.RunAsync("system", "df")).TrimEnd('\n').Split('\n');
        string verbose = await mica.RunAsync("system", "df", "-v");

        Assert.Matches("^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE$", summary[0]);
        Match images = ImagesRow().Match(summary[1]);
        Assert.True(images.Success, summary[1]);
        Assert.Equal("2", images.Groups["total"].Value);
        Assert.Matches("(?m)^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE +UNIQUE SIZE +CONTAINERS", verbose);
        Assert.DoesNotContain(" -", verbose, StringComparison.Ordinal);
        double total = Bytes(images.Groups["size"].Value);
        Assert.True(total < 0.9 * (python + node), $"{total} of {python} + {node}: shared layers were counted twice");
    }

    [Fact]
    public async Task SystemDf_EmptyStore_IsAllZero()
    {
        await using MicaRoot mica = bench.NewRoot();

        string[] summary = (await mica.RunAsync("system", "df")).TrimEnd('\n').Split('\n');

        Assert.Matches("^Images +0 +0 +0B +0B$", summary[1]);
    }

    private async Task<MicaRoot> PulledAsync(params string[] names)
    {
        MicaRoot mica = bench.NewRoot();
        foreach (string name in names)
        {
            await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/{name}");
        }

        return mica;
    }

    private static double Bytes(string size)
    {
        double number = double.Parse(size.TrimEnd('B', 'k', 'M', 'G'), System.Globalization.CultureInfo.InvariantCulture);
        return number * size[^2] switch { 'k' => 1e3, 'M' => 1e6, 'G' => 1e9, _ => 1 };
    }

    [GeneratedRegex(@"^Images +(?<total>\d+) +(?<active>\d+) +(?<size>[\d.]+[kMG]?B) +[\d.]+[kMG]?B( \(\d+%\))?$")]
    private static partial Regex ImagesRow();
}
