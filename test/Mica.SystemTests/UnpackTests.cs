using System.Globalization;
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
        DateTimeOffset started = TimeProvider.System.GetUtcNow().AddSeconds(-1);
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/{name}");
        string expected = bench.NewDirectory("expected");
        await Shell.ScriptAsync("\"$0\" extract \"$@\"".Replace("$0", bench.Fixture("tree.sh"), StringComparison.Ordinal),
            [expected, .. bench.Images[name].Layers.Select(layer => layer.File)]);
        string merged = bench.NewDirectory("merged");

        await Shell.ScriptAsync("mount -t overlay overlay -o \"ro,lowerdir=$1\" \"$2\"", await LowerDirectoriesAsync(mica, name), merged);
        try
        {
            string[] wanted = (await ListAsync(expected)).Split('\n');
            HashSet<string> implied = [.. wanted.Where(line => IsDirectoryNewerThan(line, started)).Select(PathOf)];
            Assert.Equal(
                wanted.Select(line => Timeless(line, implied)),
                (await ListAsync(merged)).Split('\n').Select(line => Timeless(line, implied)));
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

    private async Task<string> ListAsync(string tree) => await Shell.ScriptAsync("\"$1\" list \"$2\"", bench.Fixture("tree.sh"), tree);

    /// <summary>
    /// A layer may write into a directory, or delete from it, that it does not carry: tar leaves the time of extraction there, and
    /// nothing says what it should be.
    /// </summary>
    private static bool IsDirectoryNewerThan(string line, DateTimeOffset time) =>
        DirectoryTime().Match(line) is { Success: true } match
        && double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) >= time.ToUnixTimeSeconds();

    private static string PathOf(string line) => line[..line.IndexOf('\t', StringComparison.Ordinal)];

    private static string Timeless(string line, HashSet<string> implied) =>
        DirectoryTime().IsMatch(line) && implied.Contains(PathOf(line)) ? DirectoryTime().Replace(line, "") : line;

    [GeneratedRegex(@"(?<=\td \d+ \d+:\d+ - )([\d.]+)$")]
    private static partial Regex DirectoryTime();
}
