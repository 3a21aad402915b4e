using System.Diagnostics;
using System.Text.RegularExpressions;
using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.Tests.RegistryServer.Web;

public sealed partial class WebListTests
{
    private const int Many = 10_000;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Repositories_MoreThanAPage_ArePagedInBothDirections()
    {
        await using WebLab lab = await WebLab.StartAsync();
        await lab.FillAsync(session => FillAsync(session, repositories: 120, tags: 2));

        var seen = new List<string>();
        var addresses = new List<string>();
        for (string? address = "/"; address is not null; address = LinkOf(await lab.GetAsync(address), "next"))
        {
            addresses.Add(address);
            seen.AddRange(Names(await lab.GetAsync(address)));
        }

        Assert.Equal(Enumerable.Range(0, 120).Select(number => $"team/app-{number:0000}"), seen);
        Assert.Equal(3, addresses.Count);
        string? back = LinkOf(await lab.GetAsync(addresses[2]), "prev");
        string[] second = Names(await lab.GetAsync(addresses[1]));
        string[] before = Names(await lab.GetAsync(back!));
        Assert.Equal(second, before);
        Assert.Null(LinkOf(await lab.GetAsync("/"), "prev"));
    }

    [Fact]
    public async Task Repositories_Filter_TakesItsCharactersAsTheyAre()
    {
        await using WebLab lab = await WebLab.StartAsync();
        await lab.ImageAsync("a_b", "v1", ["layer"]);
        await lab.ImageAsync("axb", "v1", ["layer"]);

        string[] underscore = Names(await lab.GetAsync("/?q=A_"));
        string[] percent = Names(await lab.GetAsync("/?q=%25"));

        Assert.Equal(["a_b"], underscore);
        Assert.Empty(percent);
    }

    [Fact]
    public async Task Tags_TenThousand_AreShownInTime()
    {
        await using WebLab lab = await WebLab.StartAsync();
        await lab.FillAsync(session => FillAsync(session, repositories: 1, tags: Many));
        const string Address = "/r/team/app-0000";

        string first = await lab.GetAsync(Address);
        string last = await lab.GetAsync($"{Address}?page=200");
        string found = await lab.GetAsync($"{Address}?q=tag-01234");
        string byName = await lab.GetAsync($"{Address}?sort=name");

        Assert.Contains("10,000 tags", first, StringComparison.Ordinal);
        Assert.Equal("tag-09999", Names(first)[0]);
        Assert.Equal(50, Names(first).Length);
        Assert.Equal("tag-00000", Names(last)[^1]);
        Assert.Equal(["tag-01234"], Names(found));
        Assert.Equal("tag-00000", Names(byName)[0]);
        Assert.True(await QuickestAsync(lab, Address) < TimeSpan.FromMilliseconds(100));
        Assert.True(await QuickestAsync(lab, $"{Address}?page=200") < TimeSpan.FromMilliseconds(100));
        Assert.True(await QuickestAsync(lab, $"{Address}?q=nothing") < TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public async Task Search_PartsAndBeginnings_FindsThem()
    {
        await using WebLab lab = await WebLab.StartAsync();
        Descriptor image = await lab.ImageAsync("team/api-server", "release-7", ["layer"]);

        Assert.Contains("/r/team/api-server\"", await lab.GetAsync("/search?q=API"), StringComparison.Ordinal);
        Assert.Contains("/r/team/api-server:release-7\"", await lab.GetAsync("/search?q=release"), StringComparison.Ordinal);
        Assert.Contains("/r/team/api-server:release-7\"", await lab.GetAsync($"/search?q={lab.Host}/team/api-server:release-7"), StringComparison.Ordinal);
        Assert.Contains($"/r/team/api-server@{image.Digest}\"", await lab.GetAsync($"/search?q=team/api-server@{image.Digest}"), StringComparison.Ordinal);
        Assert.Contains($"/r/team/api-server@{image.Digest}\"", await lab.GetAsync($"/search?q={image.Digest.Short}"), StringComparison.Ordinal);
        Assert.Contains("Layer or config, 5\u00a0B", await lab.GetAsync($"/search?q={Digest.Of("layer"u8)}"), StringComparison.Ordinal);
        Assert.Contains("No repository has this", await lab.GetAsync("/search?q=zebra"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tags_WithPlatformsAndReferrers_TellThem()
    {
        await using WebLab lab = await WebLab.StartAsync();
        Descriptor image = await lab.ImageAsync("app", "v1", ["layer", "more"], architecture: "arm64");
        await lab.ReferrerAsync("app", image, "application/spdx+json");

        string text = WebLab.TextOf(await lab.GetAsync("/r/app"));

        Assert.Matches($@"v1 \+1 referrers {image.Digest.Short} linux/arm64 \d+ B .* ago never", text);
    }

    private static async ValueTask FillAsync(SqlSession session, int repositories, int tags)
    {
        var config = Descriptor.Of(MediaTypes.OciConfig, "{\"os\":\"linux\",\"architecture\":\"amd64\"}"u8);
        for (int number = 0; number < repositories; number++)
        {
            string name = $"team/app-{number:0000}";
            long id = await RepositoryRows.EnsureAsync(session, name, 1);
            for (int tag = 0; tag < tags; tag++)
            {
                var layer = Descriptor.Of(MediaTypes.OciLayer, BitConverter.GetBytes(tag));
                byte[] content = new ImageManifest { MediaType = MediaTypes.OciManifest, Config = config, Layers = [layer] }.ToJson();
                var manifest = new StoredManifest { Digest = Digest.Of(content), MediaType = MediaTypes.OciManifest, Content = content };
                await ManifestRows.PutAsync(session, id, manifest, new ManifestLinks(MediaTypes.OciConfig, null, null, [config.Digest, layer.Digest], []), 1);
                await TagRows.MoveAsync(session, id, name, $"tag-{tag:00000}", manifest.Digest, "anonymous", 1000 + tag);
            }
        }
    }

    private static async Task<TimeSpan> QuickestAsync(WebLab lab, string address)
    {
        TimeSpan quickest = TimeSpan.MaxValue;
        for (int round = 0; round < 5; round++)
        {
            long started = Stopwatch.GetTimestamp();
            await lab.Client.GetStringAsync(address, Cancelled);
            TimeSpan took = Stopwatch.GetElapsedTime(started);
            quickest = took < quickest ? took : quickest;
        }

        return quickest;
    }

    private static string[] Names(string html) =>
        [.. Row().Matches(html).Select(row => WebLab.TextOf(row.Groups[1].Value).Replace("/ ", "/", StringComparison.Ordinal).Trim())];

    private static string? LinkOf(string html, string rel) =>
        Regex.Match(html, $"<a rel=\"{rel}\" href=\"([^\"]*)\"") is { Success: true } link ? System.Net.WebUtility.HtmlDecode(link.Groups[1].Value) : null;

    [GeneratedRegex("<tr><th scope=\"row\">(.*?)</th>")]
    private static partial Regex Row();
}
