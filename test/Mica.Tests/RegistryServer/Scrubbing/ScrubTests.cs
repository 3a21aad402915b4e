using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Scrubbing;
using Mica.Tests.Cli;
using Mica.Tests.RegistryServer.Operations;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mica.Tests.RegistryServer.Scrubbing;

public sealed class ScrubTests
{
    private static readonly byte[] s_blob = "these bytes rot"u8.ToArray();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Scrub_EverythingWhole_CountsIt()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        await registry.PushBlobAsync("app", s_blob);
        await registry.PushAsync("app", "latest");

        ScrubReport report = await ScrubAsync(registry);

        Assert.Equal((1, s_blob.Length, 1, 0), (report.Blobs, report.Bytes, report.Manifests, report.Orphans));
        Assert.Empty(report.Damaged);
    }

    [Fact]
    public async Task Scrub_FlippedBit_IsNotServedUntilItIsPushedAgain()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("app", s_blob);
        string file = registry.BlobFile();
        await File.WriteAllBytesAsync(file, [(byte)(s_blob[0] ^ 1), .. s_blob[1..]], Cancelled);

        ScrubReport report = await ScrubAsync(registry);

        Assert.Equal([$"blob {digest}: its bytes have another digest"], report.Damaged);
        (int status, string text) = await registry.GetAsync($"/v2/app/blobs/{digest}");
        Assert.Equal(404, status);
        Assert.Contains("are damaged; push it again", text, StringComparison.Ordinal);
        Assert.Equal(404, await registry.SendAsync("HEAD", $"/v2/app/blobs/{digest}"));
        Assert.Equal(202, await registry.SendAsync("POST", $"/v2/other/blobs/uploads/?mount={digest}&from=app"));

        await registry.PushBlobAsync("app", s_blob);

        Assert.Equal((200, "these bytes rot"), await registry.GetAsync($"/v2/app/blobs/{digest}"));
        Assert.Empty((await ScrubAsync(registry)).Damaged);
    }

    [Fact]
    public async Task Push_ManifestOverADamagedBlob_IsRefused()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("app", s_blob);
        File.Delete(registry.BlobFile());
        Assert.Equal([$"blob {digest}: its bytes are missing"], (await ScrubAsync(registry)).Damaged);
        using var manifest = new StringContent(
            $$$"""{"schemaVersion":2,"config":{"mediaType":"{{{MediaTypes.OciConfig}}}","digest":"{{{digest}}}","size":{{{s_blob.Length}}}},"layers":[]}""");
        manifest.Headers.ContentType = new System.Net.Http.Headers.MediaTypeHeaderValue(MediaTypes.OciManifest);

        int status = await registry.SendAsync("PUT", "/v2/app/manifests/latest", manifest);

        Assert.Equal(404, status);
    }

    [Fact]
    public async Task Scrub_BytesPutBack_AreServedAgain()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("app", s_blob);
        string file = registry.BlobFile();
        File.Move(file, registry.Directory + "/backup");
        Assert.Single((await ScrubAsync(registry)).Damaged);
        File.Move(registry.Directory + "/backup", file);

        Assert.Empty((await ScrubAsync(registry)).Damaged);
        Assert.Equal(200, (await registry.GetAsync($"/v2/app/blobs/{digest}")).Status);
    }

    [Fact]
    public async Task Scrub_Orphans_GoWhenTheyAreADayOld()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        string old = Path.Combine(registry.Directory, "blobs/aa/aaaa"), young = Path.Combine(registry.Directory, "blobs/bb/bbbb");
        await File.WriteAllTextAsync(old, "old", Cancelled);
        await File.WriteAllTextAsync(young, "young", Cancelled);
        File.SetLastWriteTimeUtc(old, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-2));
        Digest digest = await registry.PushBlobAsync("app", s_blob);
        string known = Directory.GetFiles(Path.Combine(registry.Directory, "blobs"), "*", SearchOption.AllDirectories).Single(file => file != old && file != young);
        File.SetLastWriteTimeUtc(known, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-2));

        ScrubReport report = await ScrubAsync(registry);

        Assert.Equal(1, report.Orphans);
        Assert.False(File.Exists(old));
        Assert.True(File.Exists(young));
        Assert.Equal(200, (await registry.GetAsync($"/v2/app/blobs/{digest}")).Status);
    }

    /// <summary>A database that is new, or another registry's, once made the scrub remove all that there was.</summary>
    [Fact]
    public async Task Scrub_MetadataThatKnowsNothingOfTheStorage_RemovesNothing()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        await registry.PushBlobAsync("app", s_blob);
        for (int number = 0; number < 20; number++)
        {
            string file = Path.Combine(registry.Directory, $"blobs/aa/aa{number:d30}");
            await File.WriteAllTextAsync(file, "somebody's", Cancelled);
            File.SetLastWriteTimeUtc(file, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-2));
        }

        MicaException error = await Assert.ThrowsAsync<MicaException>(() => ScrubAsync(registry));

        Assert.Contains("knows nothing of 20 of 20", error.Message, StringComparison.Ordinal);
        Assert.Equal(20, Directory.GetFiles(Path.Combine(registry.Directory, "blobs/aa"), "aa*").Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-part")]
    public async Task Scrub_BytesOfAnUploadThatRests_Stay(string suffix)
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync(
            options => options with { Limits = new RegistryLimits { Lease = TimeSpan.FromDays(30) } });
        using HttpResponseMessage begun = await registry.Client.PostAsync(new Uri("/v2/app/blobs/uploads/", UriKind.Relative), null, Cancelled);
        string id = begun.Headers.Location!.ToString().Split('/')[^1];
        string file = Path.Combine(registry.Directory, "blobs", id[..2], id + suffix);
        await File.WriteAllTextAsync(file, "half", Cancelled);
        File.SetLastWriteTimeUtc(file, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-2));

        Assert.Equal(0, (await ScrubAsync(registry)).Orphans);
        Assert.True(File.Exists(file));
    }

    [Fact]
    public async Task Scrub_ManifestThatChanged_IsNotServedUntilItIsPushedAgain()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        Digest digest = await registry.PushAsync("app", "latest");
        await using (SqliteDatabase database = await SqliteDatabase.OpenAsync(Path.Combine(registry.Directory, "metadata.db"), Cancelled))
        {
            await database.WriteAsync(
                async session => { await session.RunAsync("UPDATE manifests SET content = $1", "{}"u8.ToArray()); }, Cancelled);
        }

        ScrubReport report = await ScrubAsync(registry);

        Assert.Equal([$"app: manifest {digest}: its content has another digest"], report.Damaged);

        // What the server remembers is gone with its next write.
        await registry.PushAsync("other", "unrelated");
        Assert.Equal(404, (await registry.GetAsync($"/v2/app/manifests/{digest}")).Status);
        await registry.PushAsync("app", "latest");
        Assert.Equal(200, (await registry.GetAsync("/v2/app/manifests/latest")).Status);
        Assert.Empty((await ScrubAsync(registry)).Damaged);
    }

    [Fact]
    public async Task RunDue_ManyTimesInAPeriod_ReadsEachBlobOnce()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync(options => options with { ScrubPeriod = TimeSpan.Zero });
        await registry.PushBlobAsync("app", s_blob);
        await registry.PushBlobAsync("app", "another"u8.ToArray());
        await using SqliteDatabase database = await SqliteDatabase.OpenAsync(Path.Combine(registry.Directory, "metadata.db"), Cancelled);
        var later = new ShiftedTime(TimeSpan.FromDays(31));
        var scrubber = new Scrubber(
            database, new FileBlobStorage(Path.Combine(registry.Directory, "blobs")), TimeSpan.FromDays(30), new RegistryMetrics(), later, NullLogger<Scrubber>.Instance);

        ScrubReport first = await scrubber.RunDueAsync(Cancelled);
        ScrubReport second = await scrubber.RunDueAsync(Cancelled);
        later.Shift += TimeSpan.FromDays(31);
        ScrubReport third = await scrubber.RunDueAsync(Cancelled);

        Assert.Equal((2, 0, 2), (first.Blobs, second.Blobs, third.Blobs));
    }

    [Fact]
    public async Task Command_OverDamage_NamesItAndEndsWith1()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("app", s_blob);
        var host = new FakeHost();
        Assert.Equal(0, await host.With("HOME", registry.Directory).RunAsync("registry", "scrub", "--data", registry.Directory));
        File.Delete(registry.BlobFile());

        int code = await host.RunAsync("registry", "scrub", "--data", registry.Directory);

        Assert.Equal(1, code);
        Assert.Contains($"blob {digest}: its bytes are missing\n", host.Output, StringComparison.Ordinal);
        Assert.EndsWith("and 0 manifests: 1 damaged; removed 0 orphans\n", host.Output, StringComparison.Ordinal);
    }

    private static async Task<ScrubReport> ScrubAsync(OperatedRegistry registry)
    {
        await using RegistryData data = await RegistryData.OpenAsync(registry.Options, Cancelled);
        return await data.ScrubAsync(Cancelled);
    }

    /// <summary>The clock of another day.</summary>
    private sealed class ShiftedTime(TimeSpan shift) : TimeProvider
    {
        public TimeSpan Shift { get; set; } = shift;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
    }
}
