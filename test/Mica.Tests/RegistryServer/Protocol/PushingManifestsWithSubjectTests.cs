using System.Net;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#pushing-manifests-with-subject.</summary>
public sealed class PushingManifestsWithSubjectTests : ProtocolTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Put_WithASubject_SaysSoWhetherOrNotTheSubjectIsThere(bool isThere)
    {
        TestManifest subject = isThere
            ? await Registry.PushImageAsync(Repository)
            : RegistryContent.Manifest(RegistryContent.EmptyJson, [RegistryContent.Bytes(5)]);
        await Registry.PushBlobAsync(Repository, RegistryContent.EmptyJson);
        TestManifest referrer = RegistryContent.Manifest(RegistryContent.EmptyJson, [], subject, "application/x-sbom", MediaTypes.OciEmpty);

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.Created, "PUT", $"/v2/{Repository}/manifests/{referrer.Digest}", referrer.Body());

        Assert.Equal(subject.Digest.ToString(), response.Header("OCI-Subject"));
        using HttpResponseMessage get = await Registry.GetAsync($"/v2/{Repository}/manifests/{referrer.Digest}");
        Assert.Equal(referrer.Content, await get.BytesAsync());
    }

    [Fact]
    public async Task Put_SubjectAfterItsReferrer_IsListedWithIt()
    {
        byte[] config = "{\"os\":\"linux\"}"u8.ToArray();
        await Registry.PushBlobAsync(Repository, RegistryContent.EmptyJson);
        await Registry.PushBlobAsync(Repository, config);
        TestManifest subject = RegistryContent.Manifest(config, []);
        TestManifest referrer = RegistryContent.Manifest(RegistryContent.EmptyJson, [], subject, "application/x-sbom");
        await Registry.PushManifestAsync(Repository, referrer);

        await Registry.PushManifestAsync(Repository, subject, "v1");

        using HttpResponseMessage response = await Registry.GetAsync($"/v2/{Repository}/referrers/{subject.Digest}");
        Assert.Equal(referrer.Digest.ToString(), (string)Assert.Single((await response.JsonAsync())["manifests"]!.AsArray())!["digest"]!);
    }

    [Fact]
    public async Task Put_IndexWithASubject_SaysSo()
    {
        TestManifest subject = await Registry.PushImageAsync(Repository);
        var index = new TestManifest(
            System.Text.Encoding.UTF8.GetBytes(
                $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.OciIndex}}","artifactType":"application/x-set","manifests":[],"subject":{{subject.Descriptor}}}"""),
            MediaTypes.OciIndex);

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.Created, "PUT", $"/v2/{Repository}/manifests/{index.Digest}", index.Body());

        Assert.Equal(subject.Digest.ToString(), response.Header("OCI-Subject"));
    }
}
