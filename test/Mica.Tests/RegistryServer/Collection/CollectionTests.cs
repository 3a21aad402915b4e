using System.Net;
using System.Text;
using Mica.Oci;
using Mica.RegistryServer.Collection;

namespace Mica.Tests.RegistryServer.Collection;

/// <summary>What garbage collection takes and what it leaves, as clients see it, by a clock that moves when told.</summary>
public sealed class CollectionTests : IAsyncLifetime
{
    private const string Repository = "team/app";

    private static readonly TimeSpan s_lease = TimeSpan.FromHours(24);
    private static readonly TimeSpan s_grace = TimeSpan.FromDays(7);
    private static readonly TimeSpan s_moment = TimeSpan.FromMinutes(1);

    private readonly FakeTimeProvider _time = new();
    private RegistryServerFixture _registry = null!;

    private int Files => Directory.EnumerateFiles(Path.Combine(_registry.Directory, "blobs"), "*", SearchOption.AllDirectories).Count();

    // The collector that runs by itself is out of the way.
    public async ValueTask InitializeAsync() => _registry = await RegistryServerFixture.StartAsync(options => options with
    {
        Time = _time,
        CollectionInterval = TimeSpan.FromDays(40),
        Limits = options.Limits with { Lease = s_lease, Grace = s_grace },
    });

    public async ValueTask DisposeAsync() => await _registry.DisposeAsync();

    [Fact]
    public async Task Blob_ThatNoManifestNeeds_GoesAfterItsLeaseWithExactlyItsBytes()
    {
        Digest digest = await _registry.PushBlobAsync(Repository, RegistryContent.Bytes(12_345));
        _time.Jump(s_lease - s_moment);
        Assert.True((await CollectAsync()).IsEmpty);

        _time.Jump(2 * s_moment);
        CollectionReport report = await CollectAsync();

        Assert.Equal((1, 12_345L), (report.Blobs, report.Bytes));
        Assert.Equal(0, Files);
        await MissingAsync($"blobs/{digest}");
        Assert.True((await CollectAsync()).IsEmpty);
    }

    [Fact]
    public async Task Blob_AskedForByHead_IsHeldForAnotherLease()
    {
        Digest digest = await _registry.PushBlobAsync(Repository, RegistryContent.Bytes(100));
        _time.Jump(s_lease - s_moment);
        using HttpResponseMessage head = await _registry.ExpectAsync(HttpStatusCode.OK, "HEAD", $"/v2/{Repository}/blobs/{digest}");

        _time.Jump(s_lease - s_moment);
        Assert.True((await CollectAsync()).IsEmpty);
        await PresentAsync($"blobs/{digest}");

        _time.Jump(2 * s_moment);
        Assert.Equal(1, (await CollectAsync()).Blobs);
    }

    [Fact]
    public async Task Blob_MountedLater_IsHeldThereForALease()
    {
        Digest digest = await _registry.PushBlobAsync("source", RegistryContent.Bytes(100));
        _time.Jump(s_lease - s_moment);
        using HttpResponseMessage mount = await _registry.ExpectAsync(
            HttpStatusCode.Created, "POST", $"/v2/{Repository}/blobs/uploads/?mount={digest}&from=source");

        _time.Jump(2 * s_moment);
        CollectionReport report = await CollectAsync();

        Assert.Equal((0, 1), (report.Blobs, report.Repositories));
        await PresentAsync($"blobs/{digest}");
        using HttpResponseMessage gone = await _registry.ExpectAsync(HttpStatusCode.NotFound, "HEAD", $"/v2/source/blobs/{digest}");
    }

    [Fact]
    public async Task Push_WithAlmostALeaseBetweenBlobsAndManifest_LosesNothing()
    {
        byte[] config = "{\"os\":\"linux\"}"u8.ToArray(), layer = RegistryContent.Bytes(500);
        await _registry.PushBlobAsync(Repository, config);
        await _registry.PushBlobAsync(Repository, layer);
        _time.Jump(s_lease - s_moment);
        await CollectAsync();
        TestManifest manifest = RegistryContent.Manifest(config, [layer]);

        await _registry.PushManifestAsync(Repository, manifest, "v1");

        _time.Jump(s_lease + s_grace);
        Assert.True((await CollectAsync()).IsEmpty);
        await PresentAsync("manifests/v1");
        await PresentAsync($"blobs/{Digest.Of(config)}");
        await PresentAsync($"blobs/{Digest.Of(layer)}");
    }

    [Fact]
    public async Task Blobs_ThatImagesShare_GoWithTheLastOfThem()
    {
        byte[] config = "{\"os\":\"linux\"}"u8.ToArray(), shared = RegistryContent.Bytes(5000, 1), own = RegistryContent.Bytes(300, 2);
        foreach (string repository in (string[])["one", "two"])
        {
            foreach (byte[] blob in (byte[][])[config, shared, own])
            {
                await _registry.PushBlobAsync(repository, blob);
            }
        }

        TestManifest both = RegistryContent.Manifest(config, [shared, own]), base1 = RegistryContent.Manifest(config, [shared]);
        await _registry.PushManifestAsync("one", both, "a");
        await _registry.PushManifestAsync("one", base1, "b");
        await _registry.PushManifestAsync("two", base1, "a");
        _time.Jump(s_lease + s_moment);
        Assert.Equal(0, (await CollectAsync()).Blobs);

        await DeleteAsync("one", both.Digest);
        CollectionReport first = await CollectAsync();
        await DeleteAsync("one", base1.Digest);
        CollectionReport second = await CollectAsync();
        await DeleteAsync("two", base1.Digest);
        CollectionReport third = await CollectAsync();

        Assert.Equal((1, 300L, 0), (first.Blobs, first.Bytes, first.Repositories));
        Assert.Equal((0, 0L, 1), (second.Blobs, second.Bytes, second.Repositories));
        Assert.Equal((2, 5000L + config.Length, 1), (third.Blobs, third.Bytes, third.Repositories));
        Assert.Equal(0, Files);
    }

    [Fact]
    public async Task Manifest_WhoseTagMoved_StaysForTheGraceTimeAndGoesWithItsBlobs()
    {
        TestManifest first = await _registry.PushImageAsync(Repository, seed: 1, layerSize: 4000);
        _time.Jump(s_lease + s_moment);
        TestManifest second = await _registry.PushImageAsync(Repository, seed: 2);
        _time.Jump(s_grace - s_moment);
        Assert.True((await CollectAsync()).IsEmpty);
        using HttpResponseMessage old = await _registry.ExpectAsync(HttpStatusCode.OK, "HEAD", $"/v2/{Repository}/manifests/{first.Digest}");

        _time.Jump(2 * s_moment);
        CollectionReport report = await CollectAsync();

        Assert.Equal((1, 2), (report.Manifests, report.Blobs));
        Assert.InRange(report.Bytes, 4001, 4200);
        await MissingAsync($"manifests/{first.Digest}");
        await PresentAsync($"manifests/{second.Digest}");
        Assert.Equal(2, Files);
    }

    [Fact]
    public async Task Manifest_PulledWithinTheGraceTime_StaysForAnother()
    {
        TestManifest first = await _registry.PushImageAsync(Repository, seed: 1);
        await _registry.PushImageAsync(Repository, seed: 2);
        _time.Jump(s_grace - s_moment);
        await PresentAsync($"manifests/{first.Digest}");
        await _registry.RestartAsync();

        _time.Jump(s_grace - s_moment);
        Assert.Equal(0, (await CollectAsync()).Manifests);
        _time.Jump(2 * s_moment);
        Assert.Equal(1, (await CollectAsync()).Manifests);
    }

    [Fact]
    public async Task Manifest_MovedBackWithinTheGraceTime_StaysForGood()
    {
        TestManifest first = await _registry.PushImageAsync(Repository, seed: 1);
        await _registry.PushImageAsync(Repository, seed: 2);
        _time.Jump(s_grace - s_moment);
        await _registry.PushManifestAsync(Repository, first, "latest");

        _time.Jump(s_grace - s_moment);
        await CollectAsync();

        await PresentAsync($"manifests/{first.Digest}");
        await PresentAsync("manifests/latest");
    }

    [Fact]
    public async Task Manifest_PushedByDigestAndNeverTagged_StaysForGood()
    {
        TestManifest image = await _registry.PushImageAsync(Repository, reference: null);

        _time.Jump(2 * s_grace);

        Assert.True((await CollectAsync()).IsEmpty);
        await PresentAsync($"manifests/{image.Digest}");
    }

    [Fact]
    public async Task Manifests_OfAnIndex_StayAndGoWithIt()
    {
        TestManifest amd64 = await _registry.PushImageAsync(Repository, reference: null, seed: 1);
        TestManifest arm64 = await _registry.PushImageAsync(Repository, reference: null, seed: 2);
        TestManifest index = RegistryContent.Index(amd64, arm64);
        await _registry.PushManifestAsync(Repository, index, "v1");
        _time.Jump(2 * s_grace);
        Assert.True((await CollectAsync()).IsEmpty);
        await PresentAsync($"manifests/{arm64.Digest}");

        using HttpResponseMessage delete = await _registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/manifests/v1");
        await _registry.RestartAsync();
        Assert.True((await CollectAsync()).IsEmpty);
        _time.Jump(2 * s_grace);
        CollectionReport report = await CollectAsync();

        Assert.Equal((3, 4, 1), (report.Manifests, report.Blobs, report.Repositories));
        Assert.Equal(0, Files);
    }

    [Fact]
    public async Task Manifest_OfAnIndexThatHasATagOfItsOwn_OutlivesTheIndex()
    {
        TestManifest image = await _registry.PushImageAsync(Repository, "amd64");
        await _registry.PushManifestAsync(Repository, RegistryContent.Index(image), "v1");
        using HttpResponseMessage delete = await _registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/manifests/v1");

        _time.Jump(2 * s_grace);
        CollectionReport report = await CollectAsync();

        Assert.Equal((1, 0), (report.Manifests, report.Blobs));
        await PresentAsync("manifests/amd64");
    }

    [Fact]
    public async Task Referrers_StayWithTheirSubjectAndGoWithIt()
    {
        TestManifest image = await _registry.PushImageAsync(Repository, "v1");
        await _registry.PushBlobAsync(Repository, RegistryContent.EmptyJson);
        TestManifest signature = RegistryContent.Manifest(RegistryContent.EmptyJson, [], image, "application/x-signature");
        await _registry.PushManifestAsync(Repository, signature);
        TestManifest ofSignature = RegistryContent.Manifest(RegistryContent.EmptyJson, [], signature, "application/x-timestamp");
        await _registry.PushManifestAsync(Repository, ofSignature);
        _time.Jump(2 * s_grace);
        Assert.True((await CollectAsync()).IsEmpty);

        await DeleteAsync(Repository, image.Digest);
        CollectionReport report = await CollectAsync();

        Assert.Equal((2, 3, 1), (report.Manifests, report.Blobs, report.Repositories));
        Assert.Equal(0, Files);
    }

    [Fact]
    public async Task Referrer_WhoseSubjectLostItsTag_GoesWhenTheSubjectGoes()
    {
        TestManifest image = await _registry.PushImageAsync(Repository, "v1");
        await _registry.PushBlobAsync(Repository, RegistryContent.EmptyJson);
        TestManifest signature = RegistryContent.Manifest(RegistryContent.EmptyJson, [], image, "application/x-signature");
        await _registry.PushManifestAsync(Repository, signature);
        using HttpResponseMessage delete = await _registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/manifests/v1");
        _time.Jump(s_grace - s_moment);
        Assert.True((await CollectAsync()).IsEmpty);

        _time.Jump(2 * s_moment);

        Assert.Equal(2, (await CollectAsync()).Manifests);
    }

    [Fact]
    public async Task Referrer_PushedBeforeItsSubject_IsKeptMeanwhile()
    {
        byte[] config = "{\"os\":\"linux\"}"u8.ToArray();
        TestManifest image = RegistryContent.Manifest(config, []);
        await _registry.PushBlobAsync(Repository, RegistryContent.EmptyJson);
        TestManifest signature = RegistryContent.Manifest(RegistryContent.EmptyJson, [], image, "application/x-signature");
        await _registry.PushManifestAsync(Repository, signature);
        _time.Jump(s_grace - s_moment);
        await CollectAsync();

        await _registry.PushBlobAsync(Repository, config);
        await _registry.PushManifestAsync(Repository, image, "v1");
        _time.Jump(2 * s_grace);

        Assert.True((await CollectAsync()).IsEmpty);
        await PresentAsync($"manifests/{signature.Digest}");
    }

    [Fact]
    public async Task Repository_WithNothingLeft_Disappears()
    {
        TestManifest image = await _registry.PushImageAsync(Repository);
        await DeleteAsync(Repository, image.Digest);
        _time.Jump(s_lease + s_moment);

        CollectionReport report = await CollectAsync();

        Assert.Equal(1, report.Repositories);
        using HttpResponseMessage tags = await _registry.ExpectAsync(HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/tags/list");
    }

    [Fact]
    public async Task Upload_ThatNobodyGoesOnWith_GoesAfterALeaseSinceItsLastChunk()
    {
        string upload = await _registry.BeginUploadAsync(Repository);
        _time.Jump(s_lease - s_moment);
        using HttpResponseMessage patch = await _registry.ExpectAsync(
            HttpStatusCode.Accepted, "PATCH", upload, new ByteArrayContent(Encoding.UTF8.GetBytes("half")));
        _time.Jump(s_lease - s_moment);
        Assert.True((await CollectAsync()).IsEmpty);

        _time.Jump(2 * s_moment);
        CollectionReport report = await CollectAsync();

        Assert.Equal((1, 0, 0L), (report.Uploads, report.Blobs, report.Bytes));
        Assert.Equal(0, Files);
        using HttpResponseMessage status = await _registry.ExpectAsync(HttpStatusCode.NotFound, "GET", upload);
    }

    [Fact]
    public async Task Blob_BeingReadWhileItIsRemoved_IsReadToItsEnd()
    {
        byte[] blob = RegistryContent.Bytes(48 << 20);
        Digest digest = await _registry.PushBlobAsync(Repository, blob);
        using HttpResponseMessage read = await _registry.GetAsync($"/v2/{Repository}/blobs/{digest}");
        await using Stream stream = await read.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        await stream.ReadExactlyAsync(new byte[1000], TestContext.Current.CancellationToken);

        _time.Jump(s_lease + s_moment);
        Assert.Equal(blob.Length, (await CollectAsync()).Bytes);

        Assert.Equal(0, Files);
        byte[] rest = new byte[blob.Length - 1000];
        await stream.ReadExactlyAsync(rest, TestContext.Current.CancellationToken);
        Assert.True(blob.AsSpan(1000).SequenceEqual(rest));
    }

    [Fact]
    public async Task Collection_WhileClientsPushAndPull_LosesNothing()
    {
        using var done = new CancellationTokenSource();
        Task collecting = Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                await CollectAsync();
                await Task.Yield();
            }
        }, TestContext.Current.CancellationToken);
        TestManifest[] images = await Task.WhenAll(Enumerable.Range(0, 4).Select(async client =>
        {
            TestManifest image = null!;
            for (int round = 0; round < 5; round++)
            {
                image = await _registry.PushImageAsync("many/" + (client % 2), $"t{client}", seed: (client * 3) + (round % 2));
                await DeleteAsync("many/" + (client % 2), image.Digest, mayBeGone: true);
                image = await _registry.PushImageAsync("many/" + (client % 2), $"t{client}", seed: (client * 3) + (round % 2));
            }

            return image;
        }));
        await done.CancelAsync();
        await collecting;

        for (int client = 0; client < images.Length; client++)
        {
            using HttpResponseMessage get = await _registry.GetAsync($"/v2/many/{client % 2}/manifests/t{client}");
            Assert.Equal(images[client].Content, await get.BytesAsync());
        }
    }

    private Task<CollectionReport> CollectAsync() => _registry.Server.CollectAsync(TestContext.Current.CancellationToken);

    private async Task PresentAsync(string path)
    {
        using HttpResponseMessage response = await _registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/{path}");
        await response.BytesAsync();
    }

    private async Task MissingAsync(string path)
    {
        using HttpResponseMessage response = await _registry.ExpectAsync(HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/{path}");
    }

    private async Task DeleteAsync(string repository, Digest digest, bool mayBeGone = false)
    {
        using HttpResponseMessage response = await _registry.SendAsync("DELETE", $"/v2/{repository}/manifests/{digest}");
        Assert.True(response.StatusCode == HttpStatusCode.Accepted || (mayBeGone && response.StatusCode == HttpStatusCode.NotFound));
    }
}
