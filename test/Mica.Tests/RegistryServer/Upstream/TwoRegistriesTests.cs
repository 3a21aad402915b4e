using System.Net;
using Mica.Oci;
using Mica.Registry;
using Mica.RegistryServer;
using Mica.RegistryServer.Upstream;
using Mica.Tests.Oci;
using Mica.Tests.Registry;

namespace Mica.Tests.RegistryServer.Upstream;

/// <summary>Our registry as a cache of our registry, asked by our client.</summary>
public sealed class TwoRegistriesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pull_ThroughACacheOfACache_IsTheImage()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("mica-chain-");
        try
        {
            await using Mica.RegistryServer.RegistryServer origin = await StartAsync(directory, "origin");
            await using Mica.RegistryServer.RegistryServer middle = await StartAsync(directory, "middle", origin);
            await using Mica.RegistryServer.RegistryServer edge = await StartAsync(directory, "edge", middle);
            await using var client = new RegistryClient(new RegistryClientOptions());
            var image = SampleImage.Create(1, 1000, 3_000_000);
            await image.WriteToAsync(Repository(client, origin, "team/app"), "1", Token);

            RegistryRepository copy = Repository(client, edge, "up/up/team/app");
            Descriptor? found = await copy.ResolveAsync("1", Token);
            foreach (Descriptor descriptor in image.Descriptors)
            {
                Assert.Equal(image[descriptor], await copy.ReadAllAsync(descriptor));
            }

            Assert.Equal(image.Manifest.Digest, found?.Digest);
            Assert.Equal(["1"], await copy.TagsAsync(Token).ToListAsync(Token));
            Assert.Empty(await copy.ReferrersAsync(image.Manifest.Digest, null, Token));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Sync_BetweenTwoRegistries_CopiesImageAndSignature()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("mica-sync-");
        try
        {
            await using Mica.RegistryServer.RegistryServer origin = await StartAsync(directory, "origin");
            await using var client = new RegistryClient(new RegistryClientOptions());
            var image = SampleImage.Create(1);
            RegistryRepository source = Repository(client, origin, "team/app");
            await image.WriteToAsync(source, "1", Token);
            Descriptor empty = await source.WriteDocumentAsync(MediaTypes.OciEmpty, "{}"u8.ToArray(), Token);
            Descriptor signature = await source.WriteDocumentAsync(MediaTypes.OciManifest, new ImageManifest
            {
                MediaType = MediaTypes.OciManifest,
                ArtifactType = "application/signature",
                Config = empty,
                Layers = [empty],
                Subject = image.Manifest,
            }.ToJson(), Token);
            RegistryServerOptions options = Options(directory, "copy") with
            {
                Sync = [new SyncOptions { Registry = $"http://{origin.Address.Authority}", Repositories = ["team/app"] }],
            };
            await using Mica.RegistryServer.RegistryServer copy = await Mica.RegistryServer.RegistryServer.StartAsync(options, null, Token);

            SyncReport report = await copy.SynchronizeAsync(Token);

            RegistryRepository target = Repository(client, copy, "team/app");
            Assert.Equal(new SyncReport { Copied = 1 }, report);
            Assert.Equal(image.Manifest.Digest, (await target.ResolveAsync("1", Token))?.Digest);
            Assert.Equal(signature.Digest, Assert.Single(await target.ReferrersAsync(image.Manifest.Digest, null, Token)).Digest);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static Task<Mica.RegistryServer.RegistryServer> StartAsync(
        DirectoryInfo directory, string name, Mica.RegistryServer.RegistryServer? upstream = null) =>
        Mica.RegistryServer.RegistryServer.StartAsync(
            Options(directory, name) with
            {
                Upstreams = upstream is null ? [] : [new UpstreamOptions { Registry = $"http://{upstream.Address.Authority}", Prefix = "up" }],
            },
            null,
            Token);

    private static RegistryServerOptions Options(DirectoryInfo directory, string name) => new()
    {
        DataDirectory = Path.Combine(directory.FullName, name),
        Listen = new IPEndPoint(IPAddress.Loopback, 0),
    };

    private static RegistryRepository Repository(RegistryClient client, Mica.RegistryServer.RegistryServer server, string name) =>
        client.Repository(ImageReference.Parse($"{server.Address.Authority}/{name}"), null);
}
