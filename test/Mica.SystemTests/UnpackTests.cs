using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Mica.SystemTests;

/// <summary>
/// What a pulled image looks like when the kernel puts its layers together, file by file against what GNU tar makes of the
/// same layers: types, modes, owners, sizes, times to the nanosecond, links, devices, xattrs, contents.
/// </summary>
public sealed partial class UnpackTests(Workbench bench)
{
    [Theory]
    [InlineData("odd:latest")]
    [InlineData("odd:zstd")]
    [InlineData("odd:plain")]
    [InlineData("python:3")]
    public async Task Pull_Unpacked_IsTheTreeThatTarMakes(string name)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/{name}");
        string expected = bench.NewDirectory("expected");
        string[] layers = [.. bench.Images[name].Layers.Select(layer => layer.File)];
        await Shell.ScriptAsync("tree=$1; shift; \"$tree\" extract \"$@\"", [bench.Fixture("tree.sh"), expected, .. layers]);
        string impliedText = await Shell.ScriptAsync("tree=$1; shift; \"$tree\" implied \"$@\"", [bench.Fixture("tree.sh"), .. layers]);
        HashSet<string> implied = [.. impliedText.Split('\n')];
        string merged = bench.NewDirectory("merged");

        await Shell.ScriptAsync("mount -t overlay overlay -o \"ro,lowerdir=$1\" \"$2\"", await LowerDirectoriesAsync(mica, name), merged);
        try
        {
            Assert.Equal(await ListAsync(expected, implied), await ListAsync(merged, implied));
        }
        finally
        {
            await Shell.ScriptAsync("umount \"$1\"; rm -rf \"$2\"", merged, expected);
        }
    }

    [Fact]
    public async Task Pull_TwoImagesOnOneBase_UnpackItOnce()
    {
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/python:3");
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/node:18");

        string[] python = (await LowerDirectoriesAsync(mica, "python:3")).Split(':');
        string[] node = (await LowerDirectoriesAsync(mica, "node:18")).Split(':');

        Assert.Equal(python[^2..], node[^2..]);
    }

    /// <summary>The directories of the image's layers as <c>lowerdir</c> takes them, the topmost first.</summary>
    private async Task<string> LowerDirectoriesAsync(MicaRoot mica, string name)
    {
        JsonNode driver = (await mica.InspectAsync($"{bench.Registry.Address}/{name}"))["GraphDriver"]!["Data"]!;
        string upper = (string)driver["UpperDir"]!;
        return driver["LowerDir"] is { } lower ? $"{upper}:{(string)lower!}" : $"{upper}:{bench.NewDirectory("empty")}";
    }

    /// <summary>
    /// The lines of a tree's listing. A layer may write into a directory, or delete from it, that it does not carry: its owner, mode
    /// and time are those of the layers below, and put right where layers become a container's tree; here it only has to be there.
    /// </summary>
    private async Task<IEnumerable<string>> ListAsync(string tree, HashSet<string> implied) =>
        from line in (await Shell.ScriptAsync("\"$1\" list \"$2\"", bench.Fixture("tree.sh"), tree)).Split('\n')
        let path = line.Split('\t')[0]
        select implied.Contains(path) && DirectoryMetadata().IsMatch(line) ? DirectoryMetadata().Replace(line, "") : line;

    [GeneratedRegex(@"(?<=\td )\d+ \d+:\d+ - -?[\d.]+$")]
    private static partial Regex DirectoryMetadata();
}
